"""The diff of two runs as CSV."""

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

from apps.signals.queries.run_diffs import RunDiffItem

CSV_TYPE: Final = "text/csv; charset=utf-8"
COLUMNS: Final = (
    "kind", "signal_id", "signal_key", "node_id", "metric_id", "facility_id", "facility_name",
    "groupby_label", "group_value", "signal_type_before", "signal_type", "severity_before", "severity",
    "metric_value_before", "metric_value",
)  # fmt: skip
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
ROWS_AT_ONCE: Final = 500


def write_diff(items: Iterable[RunDiffItem]) -> Iterator[bytes]:
    """Yield the lines of a diff in pieces."""
    yield _lines([COLUMNS])
    rows = iter(items)
    while piece := _lines([getattr(item, name) for name in COLUMNS] for item in islice(rows, ROWS_AT_ONCE)):
        yield piece


def _lines(rows: Iterable[Iterable[Any]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerows([_defused(value) for value in row] for row in rows)
    return buffer.getvalue().encode()


def _defused(value: Any) -> Any:
    """Return a value that no spreadsheet takes for a formula: strangers name facilities."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value
