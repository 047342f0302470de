"""The grammar as it is told to people and programs: every rule with examples. Pure."""

from dataclasses import dataclass
from typing import Any, Final

from apps.spatial.asking.words import FILLER, PREPOSITIONS


@dataclass(frozen=True, slots=True)
class GrammarRule:
    """A form that a part of a question may have; each example is a whole question.

    Examples speak of the categories Burglary, Shoplifting and Vehicle crime, of an area Soho, and of a value
    called Magnitude.
    """

    part: str
    form: str
    meaning: str
    examples: tuple[str, ...]


RULES: Final = (
    GrammarRule(
        "measure",
        "how many, count of, number of",
        "The number of events; also where no measure is named.",
        (
            "How many burglaries in March 2023?",
            "count of shoplifting in 2023",
        ),
    ),
    GrammarRule(
        "measure",
        "top N, hotspots, where ... most",
        "The N cells with the most events, N from 1 to 100, else 5. Ranked by count; whether a"
        " count is significant is not tested.",
        (
            "Top 3 areas for shoplifting at resolution 9",
            "hotspots of burglary in 2023",
            "Where did most burglaries happen?",
        ),
    ),
    GrammarRule(
        "measure",
        "average of the value, mean <its name>",
        "The mean of the value over all events that have one.",
        (
            "average of the value in 2011",
            "mean magnitude in March 2011",
        ),
    ),
    GrammarRule(
        "measure",
        "trend by hour, day, week, month, year; monthly ...",
        "Events by period of the calendar.",
        (
            "trend of burglary by month",
            "How many burglaries per week in 2023?",
            "monthly shoplifting",
        ),
    ),
    GrammarRule(
        "time",
        "today, yesterday",
        "That day in the dataset's zone.",
        (
            "burglaries today",
            "how many burglaries yesterday",
        ),
    ),
    GrammarRule(
        "time",
        "this or last hour, day, week, month, year",
        "The calendar's period that it is, or the one before; weeks begin on Monday.",
        (
            "burglaries this month",
            "how many burglaries last year",
        ),
    ),
    GrammarRule(
        "time",
        "last N hours, days, weeks, months, years",
        "The hours until now; the days up to and with today.",
        (
            "burglaries in the last 7 days",
            "top 3 cells over the past two weeks",
        ),
    ),
    GrammarRule(
        "time",
        "[in] March [2023], in 2023, 2023-03",
        "That month or year; without a year the latest within the data.",
        (
            "burglaries in March",
            "burglaries in March 2023",
            "burglaries in 2023",
            "burglaries in 2023-03",
        ),
    ),
    GrammarRule(
        "time",
        "on 5 March 2023, March 5 2023, 2023-03-05",
        "That day.",
        (
            "burglaries on 5 March 2023",
            "burglaries on March 5th, 2023",
            "burglaries on 2023-03-05",
        ),
    ),
    GrammarRule(
        "time",
        "from A to B, between A and B",
        "From the first day of A to the last day of B.",
        (
            "burglaries from March to May 2023",
            "burglaries between 2023-03-05 and 2023-03-07",
        ),
    ),
    GrammarRule(
        "time",
        "since A, before A",
        "From the first day of A on; until the day before A.",
        (
            "burglaries since March 2023",
            "burglaries before 2023",
        ),
    ),
    GrammarRule(
        "time",
        "between 22:00 and 04:00, from 10 pm to 4 am",
        "Whole hours of the day in the zone; may wrap midnight.",
        (
            "burglaries between 22:00 and 04:00",
            "burglaries from 10 pm to 4 am",
        ),
    ),
    GrammarRule(
        "time",
        "morning, afternoon, evening, night",
        "6 to 12, 12 to 18, 18 to 22, 22 to 6 o'clock.",
        (
            "burglaries in the morning",
            "burglaries at night",
        ),
    ),
    GrammarRule(
        "time",
        "on Monday, on weekdays, at the weekend",
        "These days of the week.",
        (
            "burglaries on Fridays or Saturdays",
            "burglaries at the weekend",
        ),
    ),
    GrammarRule(
        "category",
        "names and aliases, in either number, with or between",
        "Events of these categories; the longest name wins.",
        (
            "burglaries in 2023",
            "burglary or vehicle crimes in 2023",
        ),
    ),
    GrammarRule(
        "category",
        '"a name in quotes"',
        "Exactly that category.",
        ('"vehicle crime" in 2023',),
    ),
    GrammarRule(
        "place",
        "a named area",
        "Cells with their centre in the area.",
        ("burglaries in Soho",),
    ),
    GrammarRule(
        "place",
        "near latitude, longitude within N km or m",
        "Cells with their centre within that distance, up to 500 km.",
        (
            "burglaries near 51.5, -0.1 within 2 km",
            "burglaries within 500 m of 51.5,-0.1",
        ),
    ),
    GrammarRule(
        "place",
        "bbox(west, south, east, north)",
        "Cells with their centre in the box, in degrees.",
        ("burglaries in bbox(-0.12,51.50,-0.07,51.53)",),
    ),
    GrammarRule(
        "place",
        "cell <h3>",
        "That H3 cell.",
        ("burglaries in cell 88194ad305fffff",),
    ),
    GrammarRule(
        "grain",
        "at resolution N",
        "The H3 resolution of cells, 3 to 11; else 8, or the finest that fits.",
        ("top 3 cells at resolution 9",),
    ),
)


def describe_grammar() -> dict[str, Any]:
    """Return the rules, the words that are passed over, and those after which nothing is."""
    return {
        "language": "en",
        "rules": [
            {
                "part": rule.part,
                "form": rule.form,
                "meaning": rule.meaning,
                "examples": list(rule.examples),
            }
            for rule in RULES
        ],
        "filler": sorted(FILLER),
        "never_passed_over_after": sorted(PREPOSITIONS),
    }
