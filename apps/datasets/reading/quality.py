"""What an import found out about its files: the quality report of places.md section 7."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from apps.datasets.reading.cells import E7
from apps.datasets.reading.duplicates import DuplicateCensus
from apps.datasets.reading.identities import KeyTable, distinct, id_keys
from apps.datasets.reading.inspections import Inspection
from apps.datasets.reading.limits import QUALITY_DUPLICATES_MAX_ROWS
from apps.datasets.reading.rows import Batch, Events, Int64s, Precision, RejectKind, RowCode, WarningKind
from apps.datasets.reading.terms import distinct_terms

STACKED_TOP: Final = 20
STACKED_SHARE: Final = 0.10
SWAPPED_SHARE: Final = 0.5
WARNING_COST: Final = 10
_LOW: Final = 0xFFFFFFFF
_MERGE_ROWS: Final = 262_144


@dataclass(slots=True)
class _Counts:
    """Rows by what became of them."""

    rows_read: int = 0
    accepted: int = 0
    blank_lines: int = 0
    by_code: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    by_kind: Counter[str] = field(default_factory=Counter)


class QualityReport:
    """Collects over all batches of an import, with bounded memory.

    Give every batch first to `add_valid`, before the duplicates policy, then to `add_kept`, after it.
    """

    def __init__(self) -> None:
        self.census = DuplicateCensus()
        self._counts = _Counts()
        self._warnings: Counter[str] = Counter()
        self._notes: Counter[str] = Counter()
        self._precision: Counter[int] = Counter()
        self._missing: Counter[str] = Counter()
        self._terms: dict[str, set[str]] = {"category": set(), "label": set()}
        self._ids = KeyTable()
        self._points = PointCensus()
        self._span = _Span()
        self._files: list[dict[str, Any]] = []

    def add_file(self, file_no: int, found: Inspection, personal: Sequence[str] = ()) -> None:
        """Note the facts of a file's form, and which columns were left out as personal."""
        encoding = {"name": found.encoding.name, **found.encoding.evidence}
        facts = {"file_no": file_no, "dialect": found.dialect.to_json(), "encoding": encoding, **found.facts}
        if personal:
            facts["personal_columns"] = list(personal)
        self._files.append(facts)

    def warn(self, kind: WarningKind | str, rows: int) -> None:
        """Count a warning that is not told by batches."""
        self._warnings[str(kind)] += rows

    def add_valid(self, batch: Batch) -> None:
        """Take in a batch before duplicates are taken out of it."""
        self.census.add(batch.events)
        self._points.add(batch.events)

    def add_kept(self, batch: Batch) -> None:
        """Take in a batch as it is stored."""
        self._counts.rows_read += batch.rows_read
        self._counts.accepted += len(batch.events)
        self._counts.blank_lines += batch.blank_lines
        for reject in batch.rejects:
            self._counts.by_kind[reject.kind.value] += 1
            self._counts.by_code[reject.code.value, reject.column] += 1
        self._warnings.update(batch.warnings)
        self._notes.update(batch.notes)
        self._add_fields(batch.events)

    def _add_fields(self, events: Events) -> None:
        self._precision.update(
            dict(enumerate(np.bincount(events.precision, minlength=len(Precision)).tolist()))
        )
        self._missing["value"] += int(np.isnan(events.value).sum())
        self._missing["label"] += events.label.null_count
        self._missing["external_id"] += events.external_id.null_count
        self._terms["category"] |= distinct_terms(events.category)
        self._terms["label"] |= distinct_terms(events.label)
        self._span.add(events)
        if self._counts.accepted > QUALITY_DUPLICATES_MAX_ROWS:
            self._ids = KeyTable()
        else:
            keys, _ = id_keys(events.external_id)
            fresh = distinct(keys)
            _, known = self._ids.find(fresh)
            self._ids.add(fresh[~known], np.zeros(int((~known).sum()), np.int64))

    def warnings(self) -> dict[str, int]:
        """Return rows by kind of warning, those of the whole import among them."""
        counted = {kind: n for kind, n in self._warnings.items() if n}
        out_of_range = sum(n for (code, _), n in self._counts.by_code.items() if code == _OUT_OF_RANGE)
        if self._notes["swap_fits"] > SWAPPED_SHARE * out_of_range:
            counted[WarningKind.SWAPPED_SUSPECTED] = self._notes["swap_fits"]
        stacked = self._points.most
        if stacked > max(STACKED_SHARE * self._points.rows, 1):
            counted[WarningKind.STACKED_POINTS] = stacked
        return {str(kind): n for kind, n in sorted(counted.items())}

    def score(self) -> float:
        """Return 100 x accepted / read less ten points for each kind of warning, at least 0."""
        share = self._counts.accepted / self._counts.rows_read if self._counts.rows_read else 0.0
        return round(max(100 * share - WARNING_COST * len(self.warnings()), 0.0), 2)

    def to_json(self) -> dict[str, Any]:
        """Return the report."""
        counts, out_of_range = self._counts, self._rejected(_OUT_OF_RANGE)
        return {
            "files": self._files,
            "rows_read": counts.rows_read,
            "accepted": counts.accepted,
            "rejected": counts.by_kind[RejectKind.REJECTED],
            "duplicates": counts.by_kind[RejectKind.DUPLICATE],
            "blank_lines": counts.blank_lines,
            "codes": [
                {"code": code, "column": column, "n": n}
                for (code, column), n in sorted(
                    counts.by_code.items(), key=lambda item: (-item[1], str(item[0]))
                )
            ],
            "fields": self._fields(),
            "precision": {p.name.lower(): self._precision[p] / max(counts.accepted, 1) for p in Precision},
            "swapped_share": self._notes["swap_fits"] / out_of_range if out_of_range else 0.0,
            "null_islands": self._notes["null_island"],
            "sentinels": self._notes["sentinels"],
            "stacked_points": self._points.to_json(),
            "duplicates_by_policy": self.census.counts(),
            "warnings": self.warnings(),
            "score": self.score(),
        }

    def _rejected(self, code: str) -> int:
        return sum(n for (found, _), n in self._counts.by_code.items() if found == code)

    def _fields(self) -> dict[str, Any]:
        """Return missing, distinct, least and greatest by field, each where it means something."""
        distinct = {name: len(terms) for name, terms in self._terms.items()}
        ids = len(self._ids) if self._counts.accepted <= QUALITY_DUPLICATES_MAX_ROWS else None
        return {
            **{
                name: {"missing": 0, **span} for name, span in self._span.to_json().items() if name != "value"
            },
            "value": {"missing": self._missing["value"], **self._span.to_json()["value"]},
            "category": {"missing": 0, "distinct": distinct["category"]},
            "label": {"missing": self._missing["label"], "distinct": distinct["label"]},
            "external_id": {"missing": self._missing["external_id"], "distinct": ids},
        }


_OUT_OF_RANGE: Final = RowCode.COORDINATE_OUT_OF_RANGE.value


class _Span:
    """Least and greatest of the numbers."""

    def __init__(self) -> None:
        self._least: dict[str, float] = {}
        self._greatest: dict[str, float] = {}

    def add(self, events: Events) -> None:
        values = events.value[~np.isnan(events.value)]
        columns = {
            "occurred_us": events.occurred_us,
            "latitude": events.lat_e7 / E7,
            "longitude": events.lon_e7 / E7,
            "value": values,
        }
        for name, column in columns.items():
            if len(column):
                self._least[name] = min(column.min().item(), self._least.get(name, np.inf))
                self._greatest[name] = max(column.max().item(), self._greatest.get(name, -np.inf))

    def to_json(self) -> dict[str, dict[str, float | None]]:
        names = ("occurred_us", "latitude", "longitude", "value")
        return {name: {"min": self._least.get(name), "max": self._greatest.get(name)} for name in names}


class PointCensus:
    """Counts rows by their exact point; past two million points those seen once are forgotten."""

    def __init__(self, most_points: int = 2_000_000) -> None:
        self.rows = 0
        self._most_points = most_points
        self._is_whole = True
        self._points: Int64s = np.empty(0, np.int64)
        self._n: Int64s = np.empty(0, np.int64)
        self._pending: list[Int64s] = []

    def add(self, events: Events) -> None:
        """Take in the points of events."""
        self.rows += len(events)
        latitude, longitude = events.lat_e7.astype(np.int64), events.lon_e7.astype(np.int64)
        self._pending.append((latitude << 32) | (longitude & _LOW))
        if sum(map(len, self._pending)) > _MERGE_ROWS:
            self._merge()

    def _merge(self) -> None:
        """Bring the pending points in; only they are sorted: sorting all would take ten times the memory."""
        if not self._pending:
            return
        fresh, n = np.unique(np.concatenate(self._pending), return_counts=True)
        self._pending = []
        places = np.searchsorted(self._points, fresh)
        known = places < len(self._points)
        known[known] = self._points[places[known]] == fresh[known]
        self._n[places[known]] += n[known]
        self._points = np.insert(self._points, places[~known], fresh[~known])
        self._n = np.insert(self._n, places[~known], n[~known])
        if len(self._points) > self._most_points:
            self._is_whole = False
            often = self._n > 1
            self._points, self._n = self._points[often], self._n[often]

    @property
    def most(self) -> int:
        """Return how many rows the fullest point has."""
        self._merge()
        return int(self._n.max(initial=0))

    def to_json(self) -> dict[str, Any]:
        """Return the number of distinct points, if all were kept, and the fullest by count, then place."""
        self._merge()
        # Points are in their order already.
        top = np.argsort(-self._n, kind="stable")[:STACKED_TOP]
        latitude, longitude = self._points[top] >> 32, self._points[top].astype(np.int32)
        rows = zip(latitude.tolist(), longitude.tolist(), self._n[top].tolist(), strict=True)
        shown = [{"latitude": lat / E7, "longitude": lon / E7, "n": n} for lat, lon, n in rows]
        return {"distinct": len(self._points) if self._is_whole else None, "top": shown}
