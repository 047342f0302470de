"""Which dataset a question is about, and what the grammar knows of it."""

import datetime as dt
import uuid
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db.models import Max, Min

from apps.accounts.permissions import Actor
from apps.common.errors import NotFound
from apps.datasets.models import Dataset, Segment, Term, TermField, Version
from apps.spatial.asking.lexicon import AreaName, Lexicon, area_phrases, category_phrases
from apps.spatial.asking.parsing import refusal
from apps.spatial.asking.words import number_forms, split_name
from apps.spatial.models import Area
from apps.spatial.sources import NotReady

LISTED: Final = 50
# What a question may name; an organization with more areas names them by id.
AREAS_MAX: Final = 2_000


def choose_dataset(actor: Actor, dataset_id: uuid.UUID | None) -> Dataset:
    """Return the named dataset, or the only one that can be asked; it has a version.

    Raises NotFound, NotReady, QuestionRefused with the list where there are several. One query.
    """
    visible = Dataset.objects.visible_to(actor).select_related("current_version")
    if dataset_id is not None:
        named = visible.filter(pk=dataset_id).first()
        if named is None:
            raise NotFound(f"There is no dataset {dataset_id}.")
        if named.current_version is None:
            raise NotReady(f"The dataset {named.name} has no version yet.")
        return named
    ready = list(visible.filter(current_version__isnull=False).order_by("name", "pk")[: LISTED + 1])
    if len(ready) == 1:
        return ready[0]
    if not ready:
        raise refusal("There is no dataset to ask.")
    raise refusal("Name the dataset: there are several.", suggestions=[row.name for row in ready[:LISTED]])


def load_lexicon(actor: Actor, dataset: Dataset, *, now: dt.datetime) -> Lexicon:
    """Return what the grammar knows of a dataset that has a version. Three queries."""
    zone = ZoneInfo(dataset.zone)
    version = dataset.current_version
    assert version is not None  # noqa: S101 - `choose_dataset` has seen to it
    terms = Term.objects.filter(dataset_no=dataset.no, field=TermField.CATEGORY).order_by("no")
    categories = [(term.text, term.aliases) for term in terms]
    rows = Area.objects.visible_to(actor).order_by("name", "pk")[:AREAS_MAX]
    areas = [(AreaName(row.pk, row.name), row.aliases) for row in rows.only("pk", "name", "aliases")]
    first, last = _span(version, zone)
    exact = {other.casefold(): text for text, aliases in categories for other in aliases}
    return Lexicon(
        zone=zone,
        now=now,
        first=first,
        last=last,
        categories=category_phrases(categories),
        exact=exact | {text.casefold(): text for text, _ in categories},
        areas=area_phrases(areas),
        value_names=_value_names(version.mapping),
        names=(*(text for text, _ in categories), *(area.name for area, _ in areas)),
    )


def _span(version: Version, zone: ZoneInfo) -> tuple[dt.date | None, dt.date | None]:
    """Return the first and the last day of the version's data."""
    found = Segment.objects.of_version(version.pk).order_by().aggregate(Min("first_at"), Max("last_at"))
    first, last = found["first_at__min"], found["last_at__max"]
    if first is None or last is None:
        return None, None
    return first.astimezone(zone).date(), last.astimezone(zone).date()


def _value_names(mapping: dict[str, Any]) -> frozenset[tuple[str, ...]]:
    """Return what the value's column is called, in either number."""
    value = mapping.get("fields", {}).get("value") or {}
    column = value.get("column")
    if not isinstance(column, str):
        return frozenset()
    return frozenset(form for phrase in split_name(column) for form in number_forms(phrase))
