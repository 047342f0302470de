"""A lexicon for tests of the grammar: London's categories, some areas, data of the year 2023."""

import datetime as dt
import uuid
from zoneinfo import ZoneInfo

from apps.spatial.asking.lexicon import AreaName, Lexicon, area_phrases, category_phrases
from apps.spatial.asking.words import split_name

CATEGORIES = {
    "Anti-social behaviour": ("ASB",),
    "Burglary": ("break-in",),
    "Other theft": (),
    "Shoplifting": (),
    "Stop and search": (),
    "Theft from the person": (),
    "Vehicle crime": (),
    "Violence and sexual offences": (),
}
SOHO = AreaName(uuid.UUID(int=1), "Soho")
OLD_TOWN = AreaName(uuid.UUID(int=2), "Old Town")
NOW = dt.datetime(2023, 11, 15, 12, 30, tzinfo=dt.UTC)


def make_lexicon(now: dt.datetime = NOW) -> Lexicon:
    """Return the lexicon at an instant."""
    return Lexicon(
        zone=ZoneInfo("Europe/London"),
        now=now,
        first=dt.date(2023, 1, 1),
        last=dt.date(2023, 12, 1),
        categories=category_phrases(CATEGORIES.items()),
        exact={name.casefold(): name for name in CATEGORIES},
        areas=area_phrases([(SOHO, ()), (OLD_TOWN, ("historic centre",))]),
        value_names=frozenset(split_name("Magnitude")),
        names=(*CATEGORIES, SOHO.name, OLD_TOWN.name),
    )
