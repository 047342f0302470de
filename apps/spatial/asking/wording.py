"""Answers in a sentence, with the figures. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from apps.spatial.asking.asked import ANY_TIME, AskedQuery, Measure
from apps.spatial.asking.hours import day_names, hour_names

NAMED_CELLS: Final = 10


def sentence(asked: AskedQuery, name: str, result: Mapping[str, Any]) -> str:
    """Return the answer to a question about the dataset of that name."""
    writers = {Measure.TOP: _top, Measure.AVERAGE: _average, Measure.TREND: _trend}
    writer = writers.get(asked.measure, _count)
    return f"{name}: {writer(asked, result)}."


def subject(asked: AskedQuery) -> str:
    """Return what was counted, in words."""
    words = ["events"]
    if asked.categories:
        words.append(f"of {' or '.join(asked.categories)}")
    if asked.when != ANY_TIME:
        words.append(f"({asked.when})")
    if asked.hours is not None:
        words.append(f"between {hour_names(*asked.hours)}")
    if asked.weekdays:
        words.append(f"on {day_names(asked.weekdays)}")
    if asked.place is not None:
        words.append(f"in {asked.place}")
    return " ".join(words)


def _count(asked: AskedQuery, result: Mapping[str, Any]) -> str:
    return f"{result['events']:,} {subject(asked)}"


def _top(asked: AskedQuery, result: Mapping[str, Any]) -> str:
    cells: Sequence[Mapping[str, Any]] = result["cells"]
    if not cells:
        return f"no {subject(asked)}"
    shown = ", ".join(f"{cell['h3']} ({cell['count']:,})" for cell in cells[:NAMED_CELLS])
    rest = f" and {len(cells) - NAMED_CELLS} more" if len(cells) > NAMED_CELLS else ""
    return f"cells of resolution {result['resolution']} with the most {subject(asked)}: {shown}{rest}"


def _average(asked: AskedQuery, result: Mapping[str, Any]) -> str:
    value = result["value"]
    if value is None:
        return f"no value in {result['events']:,} {subject(asked)}"
    return f"mean value {value['mean']:,} of {value['n']:,} {subject(asked)}"


def _trend(asked: AskedQuery, result: Mapping[str, Any]) -> str:
    buckets: Sequence[Mapping[str, Any]] = result["buckets"]
    head = f"{result['events']:,} {subject(asked)} by {result['bucket']}"
    if not any(row["count"] for row in buckets):
        return head
    most = max(buckets, key=lambda row: int(row["count"]))
    return f"{head}, {len(buckets):,} in all; most in {most['label']} ({most['count']:,})"
