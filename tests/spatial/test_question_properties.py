"""Any question made from a typed query is read back as it; any salad of words is refused or accounted for."""

import datetime as dt
from typing import Any

import h3.api.basic_int as h3
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.datasets.queries.timeline import Bucket
from apps.spatial.asking.asked import AskedQuery, Measure, Place, PlaceKind, When
from apps.spatial.asking.hours import WEEKDAYS
from apps.spatial.asking.parsing import QuestionRefused, parse_question
from apps.spatial.asking.words import FILLER, Kind, split_words
from tests.spatial.lexicons import CATEGORIES, OLD_TOWN, SOHO, make_lexicon

LEXICON = make_lexicon()
DAYS = st.dates(dt.date(1900, 1, 1), dt.date(2100, 12, 31))
SALAD = """
    how many top in at near from by with without not except to and or between the of where most trend average
    value march may 2023 2023-03-05 last this days month 7 0 22:00 04:00 pm night monday soho old town
    burglary burglaries theft person shoplifting resolution 9 12 cell bbox ( ) , within 2 km paris lunch
    "burglary" "x" 51.5 -0.1 8 per week since before on events please ; %
""".split()  # noqa: SIM905 - a column of words reads better than a list


def when(start: dt.date, end: dt.date) -> When:
    return When(min(start, end), max(start, end))


WINDOWS = st.one_of(
    st.just(When()),
    st.builds(when, DAYS, DAYS),
    st.builds(lambda day: When(day, None), DAYS),
    st.builds(lambda day: When(None, day), DAYS),
)
DEGREES = st.integers(-1_790, 1_790).map(lambda tenths: tenths / 10)
NEAR = st.builds(
    lambda lat, lon, m: Place(PlaceKind.NEAR, (lat, lon), float(m)),
    st.integers(-900, 900).map(lambda tenths: tenths / 10), DEGREES, st.integers(1, 500_000),
)  # fmt: skip
BOXES = st.builds(
    lambda west, east, south: Place(PlaceKind.BBOX, (west, south, east, south + 5.5)),
    DEGREES, DEGREES, st.integers(-90, 84).map(float),
).filter(lambda place: place.numbers[0] != place.numbers[2])  # fmt: skip
CELLS = st.builds(
    lambda lat, lon, level: Place(PlaceKind.CELL, cell=h3.int_to_str(h3.latlng_to_cell(lat, lon, level))),
    st.floats(-90, 90), st.floats(-180, 180), st.integers(0, 11),
)  # fmt: skip
AREAS = st.sampled_from([SOHO, OLD_TOWN]).map(
    lambda area: Place(PlaceKind.AREA, area_id=area.id, area=area.name)
)
MEASURES = st.one_of(
    st.just((Measure.COUNT, None, None)),
    st.just((Measure.AVERAGE, None, None)),
    st.integers(1, 100).map(lambda n: (Measure.TOP, n, None)),
    st.sampled_from(Bucket).map(lambda bucket: (Measure.TREND, None, bucket)),
)
HOURS = st.tuples(st.integers(0, 23), st.integers(0, 23)).filter(lambda pair: (pair[1] + 1) % 24 != pair[0])


@st.composite
def queries(draw: st.DrawFn) -> AskedQuery:
    measure, top, bucket = draw(MEASURES)
    return AskedQuery(
        measure=measure,
        top=top,
        bucket=bucket,
        when=draw(WINDOWS),
        hours=draw(st.none() | HOURS),
        weekdays=tuple(sorted(draw(st.sets(st.integers(1, 7), max_size=7)))),
        categories=tuple(draw(st.lists(st.sampled_from(sorted(CATEGORIES)), unique=True, max_size=3))),
        place=draw(st.none() | NEAR | BOXES | CELLS | AREAS),
        resolution=draw(st.none() | st.integers(3, 11)),
    )


def in_words(query: AskedQuery) -> str:
    """Return a question that asks a typed query."""
    heads = {
        Measure.COUNT: "how many",
        Measure.AVERAGE: "average of the value",
        Measure.TOP: f"top {query.top}",
    }
    parts = [heads.get(query.measure) or f"trend by {query.bucket}", " or ".join(query.categories)]
    start, end = query.when.start, query.when.end
    if start and end:
        parts.append(f"from {start} to {end}" if start != end else f"on {start}")
    elif start or end:
        parts.append(f"since {start}" if start else f"before {end + dt.timedelta(1)}")  # type: ignore[operator]
    if query.hours:
        parts.append(f"between {query.hours[0]:02}:00 and {(query.hours[1] + 1) % 24:02}:00")
    if query.weekdays:
        names = {number: name for name, number in reversed(WEEKDAYS.items())}
        parts.append("on " + " or ".join(names[day] for day in query.weekdays))
    parts.append(place_in_words(query.place))
    parts.append(f"at resolution {query.resolution}" if query.resolution else "")
    return " ".join(part for part in parts if part) + "?"


def place_in_words(place: Place | None) -> str:
    if place is None:
        return ""
    if place.kind is PlaceKind.NEAR:
        return f"near {place.numbers[0]}, {place.numbers[1]} within {place.radius_m:.0f} m"
    if place.kind is PlaceKind.BBOX:
        return f"in bbox({', '.join(map(str, place.numbers))})"
    return f"in cell {place.cell}" if place.kind is PlaceKind.CELL else f"in {place.area}"


@settings(max_examples=300, deadline=None)
@given(queries())
def test_a_question_is_read_back_as_the_query_it_was_made_from(query: AskedQuery) -> None:
    assert parse_question(in_words(query), LEXICON).query == query


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(SALAD), min_size=1, max_size=12), st.booleans())
def test_no_salad_is_answered_with_a_word_unaccounted_for(salad: list[str], lenient: bool) -> None:
    question = " ".join(salad)
    try:
        reading = parse_question(question, LEXICON, lenient=lenient)
    except QuestionRefused:
        return
    told = [*(each.text for each in reading.understood), *reading.ignored]
    assert sorted(words_of(" ".join(told))) == sorted(words_of(question))
    if not lenient:
        assert all(word in FILLER | {"in"} for text in reading.ignored for word in text.split())


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=500))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse_question(text, LEXICON)
    except QuestionRefused:
        return


def words_of(text: str) -> list[Any]:
    return [token.text for token in split_words(text).tokens if token.kind is not Kind.SIGN]
