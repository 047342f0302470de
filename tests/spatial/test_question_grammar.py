"""The grammar: what it reads, what it refuses, and that no word goes unaccounted for."""

import datetime as dt
from typing import Any

import pytest

from apps.datasets.queries.timeline import Bucket
from apps.spatial.asking.asked import AskedQuery, Measure, Place, PlaceKind, When
from apps.spatial.asking.grammar import RULES
from apps.spatial.asking.parsing import QuestionRefused, Reading, parse_question
from tests.spatial.lexicons import OLD_TOWN, SOHO, make_lexicon


def read(question: str, **options: Any) -> Reading:
    return parse_question(question, make_lexicon(), **options)


def refused(question: str, **options: Any) -> dict[str, Any]:
    with pytest.raises(QuestionRefused) as caught:
        read(question, **options)
    return caught.value.extra


def day(month: int, number: int, year: int = 2023) -> dt.date:
    return dt.date(year, month, number)


def span(first: dt.date, last: dt.date | None = None) -> When:
    return When(first, last or first)


@pytest.mark.parametrize("example", [example for rule in RULES for example in rule.examples])
def test_every_example_of_the_grammar_is_read(example: str) -> None:
    assert read(example).understood


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("today", span(day(11, 15))),
        ("yesterday", span(day(11, 14))),
        ("this week", span(day(11, 13), day(11, 19))),
        ("last week", span(day(11, 6), day(11, 12))),
        ("this month", span(day(11, 1), day(11, 30))),
        ("in the last month", span(day(10, 1), day(10, 31))),
        ("this year", span(day(1, 1), day(12, 31))),
        ("last year", span(day(1, 1, 2022), day(12, 31, 2022))),
        ("last 7 days", span(day(11, 9), day(11, 15))),
        ("in the past two weeks", span(day(11, 2), day(11, 15))),
        ("last 3 months", span(day(8, 16), day(11, 15))),
        ("in March", span(day(3, 1), day(3, 31))),
        ("in March 2021", span(day(3, 1, 2021), day(3, 31, 2021))),
        ("February 2024", span(day(2, 1, 2024), day(2, 29, 2024))),
        ("in 2023-03", span(day(3, 1), day(3, 31))),
        ("in 2021", span(day(1, 1, 2021), day(12, 31, 2021))),
        ("on 5 March 2023", span(day(3, 5))),
        ("on 5th of March", span(day(3, 5))),
        ("on March 5th, 2023", span(day(3, 5))),
        ("on 2023-03-05", span(day(3, 5))),
        ("from March to May 2023", span(day(3, 1), day(5, 31))),
        ("from November 2022 to February", span(day(11, 1, 2022), day(2, 28))),
        ("from November to February 2023", span(day(11, 1, 2022), day(2, 28))),
        ("between 2023-03-05 and 2023-03-07", span(day(3, 5), day(3, 7))),
        ("from 2021 to 2022", span(day(1, 1, 2021), day(12, 31, 2022))),
        ("since March 2023", When(day(3, 1), None)),
        ("before 2023", When(None, day(12, 31, 2022))),
        ("in May", span(day(5, 1), day(5, 31))),
        ("in December", span(day(12, 1), day(12, 31))),
    ],
)
def test_times_are_days_of_the_zone(text: str, expected: When) -> None:
    assert read(f"burglaries {text}").query.when == expected


def test_the_last_hours_end_now_and_the_hour_before_is_whole() -> None:
    now = dt.datetime(2023, 11, 15, 12, 30, tzinfo=dt.UTC)
    assert read("burglaries in the last 3 hours").query.when == When(now - dt.timedelta(hours=3), now)
    hour = dt.datetime(2023, 11, 15, 11, tzinfo=dt.UTC)
    assert read("burglaries last hour").query.when == When(hour, hour + dt.timedelta(hours=1))


def test_today_is_the_day_of_the_zone() -> None:
    late = make_lexicon(dt.datetime(2023, 7, 1, 23, 30, tzinfo=dt.UTC))  # half past midnight in London
    assert parse_question("burglaries today", late).query.when == span(day(7, 2))


def test_a_month_without_a_year_is_the_latest_in_the_data_and_said_so() -> None:
    assert "March 2023" in read("burglaries in March").notes[-1]
    assert read("how many burglaries in March 2023").notes == ()


def test_a_window_outside_the_data_is_said_so() -> None:
    assert "2023-01-01 to 2023-12-01" in read("how many burglaries in 2019").notes[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("between 22:00 and 04:00", (22, 3)),
        ("from 10 pm to 4 am", (22, 3)),
        ("between 12 am and 12 pm", (0, 11)),
        ("between 20:00 and 24:00", (20, 23)),
        ("in the morning", (6, 11)),
        ("in the afternoon", (12, 17)),
        ("evenings", (18, 21)),
        ("at night", (22, 5)),
    ],
)
def test_hours_have_both_ends_in(text: str, expected: tuple[int, int]) -> None:
    assert read(f"burglaries {text}").query.hours == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("on Monday", (1,)),
        ("on Fridays or Saturdays", (5, 6)),
        ("on Sunday, Monday and Tuesday", (1, 2, 7)),
        ("on weekdays", (1, 2, 3, 4, 5)),
        ("at the weekend", (6, 7)),
    ],
)
def test_weekdays(text: str, expected: tuple[int, ...]) -> None:
    assert read(f"burglaries {text}").query.weekdays == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("burglaries", ("Burglary",)),
        ("BURGLARY", ("Burglary",)),
        ("break-ins", ("Burglary",)),
        ("vehicle crimes", ("Vehicle crime",)),
        ("anti-social behaviour", ("Anti-social behaviour",)),
        ("anti social behaviour", ("Anti-social behaviour",)),
        ("thefts from the person", ("Theft from the person",)),
        ("other thefts or shoplifting", ("Other theft", "Shoplifting")),
        ("violence and sexual offences and burglary", ("Violence and sexual offences", "Burglary")),
        ('"Other theft"', ("Other theft",)),
        ("\u201cother theft\u201d", ("Other theft",)),
        ("stop and search", ("Stop and search",)),
    ],
)
def test_categories_by_name_alias_and_number(text: str, expected: tuple[str, ...]) -> None:
    query = read(f"how many {text} in 2023").query
    assert (query.categories, query.measure) == (expected, Measure.COUNT)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("in Soho", Place(PlaceKind.AREA, area_id=SOHO.id, area="Soho")),
        ("in the old town", Place(PlaceKind.AREA, area_id=OLD_TOWN.id, area="Old Town")),
        ("in the historic centre", Place(PlaceKind.AREA, area_id=OLD_TOWN.id, area="Old Town")),
        ("near 51.5, -0.1 within 2 km", Place(PlaceKind.NEAR, (51.5, -0.1), 2_000)),
        ("within 500m of 51.5,-0.1", Place(PlaceKind.NEAR, (51.5, -0.1), 500)),
        ("in bbox(-0.12,51.50,-0.07,51.53)", Place(PlaceKind.BBOX, (-0.12, 51.5, -0.07, 51.53))),
        ("in cell 88194AD305FFFFF", Place(PlaceKind.CELL, cell="88194ad305fffff")),
    ],
)
def test_places(text: str, expected: Place) -> None:
    assert read(f"burglaries {text}").query.place == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("how many burglaries", (Measure.COUNT, None, None)),
        ("top 3 cells", (Measure.TOP, 3, None)),
        ("top three burglary spots", (Measure.TOP, 3, None)),
        ("top burglary areas", (Measure.TOP, 5, None)),
        ("hot spots of burglary", (Measure.TOP, 5, None)),
        ("where did most burglaries happen", (Measure.TOP, 5, None)),
        ("average magnitude", (Measure.AVERAGE, None, None)),
        ("mean of the values", (Measure.AVERAGE, None, None)),
        ("trend of burglary by week", (Measure.TREND, None, Bucket.WEEK)),
        ("how many burglaries per day", (Measure.TREND, None, Bucket.DAY)),
        ("trend of burglary", (Measure.TREND, None, Bucket.MONTH)),
        ("burglary", (Measure.COUNT, None, None)),
    ],
)
def test_measures(text: str, expected: tuple[Measure, int | None, Bucket | None]) -> None:
    query = read(text).query
    assert (query.measure, query.top, query.bucket) == expected


def test_capitals_and_curly_quotes_make_no_difference() -> None:
    plain = read('How many "other theft" in March 2023 near 51.5, -0.1 within 2 km?')
    assert (
        read("HOW MANY \u201cOTHER THEFT\u201d IN MARCH 2023 NEAR 51.5, \u22120.1 WITHIN 2 KM?").query
        == plain.query
    )


def test_the_words_are_accounted_for_in_their_own_spelling() -> None:
    reading = read("How many Burglaries, please, in Soho at resolution 9?")
    assert [each.text for each in reading.understood] == [
        "How many",
        "Burglaries",
        "in Soho",
        "at resolution 9",
    ]
    assert reading.ignored == ("please",)


@pytest.mark.parametrize(
    ("question", "unknown"),
    [
        ("How many burglaries in Paris?", "paris"),
        ("burglaries in Atlantis", "atlantis"),
        ("not theft", "theft"),
        ("burglaries without shoplifting", "without"),
        ("burglaries except in Soho", "except"),
        ("not shoplifting", "not"),
        ("burglaries with weapons", "weapons"),
        ("burglaries by officer", "officer"),
        ("burglaries near Soho within 2 km", "near"),
        ("burglaries near 51.5, -0.1", "51.5"),
        ("burglaries in 3", "3"),
        ("burglaries from Paris to March", "paris"),
        ("top 0 cells", "top 0"),
        ("top 1000 cells", "top 1000"),
        ("top 2.5 cells", "top 2.5"),
        ("burglaries in the last 0 days", "in the last 0 days"),
        ("burglaries in the last 999999 years", "in the last 999999 years"),
        ("burglaries at resolution 12", "at resolution 12"),
        ("burglaries near 91, 0 within 2 km", "near 91, 0 within 2 km"),
        ("burglaries near 0, 0 within 900 km", "near 0, 0 within 900 km"),
        ("burglaries in bbox(0,1,1,1)", "in bbox(0,1,1,1)"),
        ("burglaries on 30 February 2023", "on 30 february 2023"),
        ("burglaries from May to March 2023-03", "window"),
        ("burglaries from 2023-05-01 to 2023-03-01", "from 2023-05-01 to 2023-03-01"),
        ("burglaries between 22:15 and 04:00", "between 22:15 and 04:00"),
        ("burglaries between 13 pm and 2 pm", "between 13 pm and 2 pm"),
        ("burglaries in March in April", "window"),
        ("burglaries in Soho in the old town", "place"),
        ("burglaries at night in the morning", "hours"),
        ("burglary in 2023 shoplifting", "category"),
        ("top 3 average value", "measure"),
        ('how many "thefts"', '"thefts"'),
        ("compare burglary with shoplifting", "compare"),
        ("'; DROP TABLE datasets_event; --", "drop"),
        ("burglaries; SELECT 1", "select"),
        ("the of a", ""),
        ("???", ""),
        ("may burglaries rise", "rise"),
    ],
)
def test_what_is_not_understood_in_full_is_refused(question: str, unknown: str) -> None:
    assert unknown in [text.strip() for text in refused(question)["unknown"]]


def test_near_names_are_suggested() -> None:
    assert refused("how many shopliftng in 2023")["suggestions"] == ["Shoplifting"]
    assert refused("compare burglary and shoplifting")["suggestions"] == [
        "Ask about each of the two by itself."
    ]
    assert refused("burglaries in Sohoo")["suggestions"] == ["Soho"]


def test_lenient_passes_over_unknown_words_but_never_what_narrows() -> None:
    reading = read("how many horrible burglaries in March 2023", lenient=True)
    assert reading.ignored == ("horrible",)
    for rest, unknown in (
        ("in Paris", "paris"),
        ("in the gloomy Paris", "gloomy"),
        ("without windows", "windows"),
        ("in the 7", "7"),
        ("7", "7"),
    ):
        assert unknown in refused(f"burglaries {rest}", lenient=True)["unknown"]


def test_names_of_two_things_are_a_tie() -> None:
    lexicon = make_lexicon()
    both = {**lexicon.areas, ("burglary",): (SOHO,)}
    twice = {**lexicon.areas, ("soho",): (SOHO, OLD_TOWN)}
    for areas, question in ((both, "how many burglary"), (twice, "shoplifting in Soho")):
        tied = type(lexicon)(
            **{**{name: getattr(lexicon, name) for name in lexicon.__slots__}, "areas": areas}
        )
        with pytest.raises(QuestionRefused) as caught:
            parse_question(question, tied)
        assert caught.value.extra["suggestions"]


def test_a_typed_query_says_nothing_that_was_not_asked() -> None:
    assert read("how many events").query == AskedQuery()
