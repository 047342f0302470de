"""Node files as columns: one pass, only numbers and words are kept."""

import json
import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias
from uuid import UUID

import numpy as np
import orjson

from apps.signals.formulas.arrays import Floats, Ints
from apps.signals.formulas.verification.differences import ABSENT
from apps.signals.keys import entity_hash

Json = dict[str, Any]
BOM: Final = b"\xef\xbb\xbf"
# The array type takes no parameter at run time before Python 3.12.
FloatArray: TypeAlias = "array[float]"
IntArray: TypeAlias = "array[int]"
# By method (short name): the numbers of its `statistics` that are recomputed.
NUMBERS: Final = {
    "simple_zscore": ("simple_zscore", "peer_mean", "peer_std", "percentile_rank"),
    "robust_zscore": ("robust_zscore",),
    "trending_simple_zscore": ("mean_simple_zscore", "latest_simple_zscore", "percentile_rank"),
    "trending_robust_zscore": (
        "mean_robust_zscore",
        "latest_robust_zscore",
        "percentile_rank",
        "peer_median",
        "peer_mad",
    ),
    "slope_percentile": ("slope", "acceleration", "end_start_delta", "percentile_rank", "slope_percentile"),
}
LISTS: Final = {
    "trending_simple_zscore": "per_period_simple_zscores",
    "trending_robust_zscore": "per_period_robust_zscores",
}
WORDS: Final = {"slope_percentile": ("trend_direction", "momentum")}


def read_lines(path: Path) -> Iterator[tuple[int, Json]]:
    """Return (line from 1, object) of a JSONL file; others are left out, as in a load."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            found = _parsed(line)
            if isinstance(found, dict):
                yield number, found


def _parsed(line: bytes) -> object:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        pass
    try:
        # NaN and a byte-order mark: what the strict decoder refuses and a load accepts.
        return json.loads(line.removeprefix(BOM))
    except ValueError:
        return None


def number_of(value: object) -> float:
    """Return a number of JSON; NaN for null and what is no finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    return float(value) if math.isfinite(value) else math.nan


@dataclass(slots=True)
class Anomalies:
    """The labels of one figure and the values they are for, entity by entity."""

    words: list[str | None] = field(default_factory=list)
    values: FloatArray = field(default_factory=lambda: array("d"))


@dataclass(slots=True)
class NodeTable:
    """A node file: its metadata and, per entity in the order of the lines, values and written figures."""

    file: str
    metadata: Json
    facility_dimension: str
    lines: IntArray = field(default_factory=lambda: array("q"))
    entities: dict[UUID, int] = field(default_factory=dict)
    facet_numbers: dict[UUID, int] = field(default_factory=dict)
    facets: IntArray = field(default_factory=lambda: array("q"))
    series: list[tuple[tuple[str, ...], FloatArray]] = field(default_factory=list)
    numbers: dict[tuple[str, str], FloatArray] = field(default_factory=dict)
    lists: dict[str, list[FloatArray]] = field(default_factory=dict)
    words: dict[tuple[str, str], list[str | None]] = field(default_factory=dict)
    suppressed: dict[str, FloatArray] = field(default_factory=dict)
    anomalies: dict[tuple[str, str], Anomalies] = field(default_factory=dict)

    @property
    def node_id(self) -> str:
        """Return the id of the node."""
        return str(self.metadata.get("canonical_node_id"))

    @property
    def is_temporal(self) -> bool:
        """Tell whether the entities have timelines."""
        return bool((self.metadata.get("summary") or {}).get("temporal_context"))

    def line_numbers(self) -> Ints:
        """Return the line of each entity."""
        return np.array(self.lines, dtype=np.int64)

    def facet_of_entities(self) -> Ints:
        """Return the facet number of each entity."""
        return np.array(self.facets, dtype=np.int64)

    def values(self) -> Floats:
        """Return the value of each entity of an aggregate node."""
        return np.array([row[0] for _, row in self.series], dtype=np.float64)

    def timeline(self) -> Floats:
        """Return the timelines (entities, periods), periods of the whole node ascending."""
        return self._spread([row for _, row in self.series], math.nan)

    def written_list(self, method: str) -> Floats:
        """Return a figure per period (entities, periods), in the columns of the timeline."""
        return self._spread(self.lists[method], ABSENT)

    def periods(self) -> list[str]:
        """Return the periods of all timelines, ascending."""
        return sorted({period for periods, _ in self.series for period in periods})

    def _spread(self, rows: list[FloatArray], nothing: float) -> Floats:
        """Return rows, each in the periods of its entity, in the columns of all periods."""
        places = {period: place for place, period in enumerate(self.periods())}
        spread = np.full((len(rows), len(places)), nothing)
        known: dict[tuple[str, ...], Ints] = {}
        for place, ((periods, _), row) in enumerate(zip(self.series, rows, strict=True)):
            columns = known.get(periods)
            if columns is None:
                columns = known[periods] = np.array([places[each] for each in periods], dtype=np.int64)
            if len(row) == len(columns):
                spread[place, columns] = row
        return spread


def read_node(path: Path, file: str, facility_dimension: str) -> NodeTable | None:
    """Return the columns of a node file, None without metadata in line 1; an entity's first line counts."""
    lines = read_lines(path)
    _, metadata = next(lines, (0, {}))
    if metadata.get("type") != "node_metadata":
        return None
    table = NodeTable(file, metadata, facility_dimension)
    for number, line in lines:
        _add_entity(table, number, line)
    return table


def _add_entity(table: NodeTable, number: int, line: Json) -> None:
    pairs = [(item["id"], item["value"]) for item in line["entity"]]
    facility = next((value for name, value in pairs if name == table.facility_dimension), None)
    others = [pair for pair in pairs if pair[0] != table.facility_dimension]
    key = entity_hash(facility, others)
    if key in table.entities:
        return
    table.entities[key] = len(table.entities)
    table.lines.append(number)
    facet = entity_hash(None, others)
    table.facets.append(table.facet_numbers.setdefault(facet, len(table.facet_numbers)))
    table.series.append(_series(line["metric"][0]["values"]))
    methods = {item["statistical_method"].split("__")[1]: item for item in line["statistical_methods"]}
    for short in NUMBERS:
        _add_method(table, short, methods.get(short, {}))


def _series(values: object) -> tuple[tuple[str, ...], FloatArray]:
    if not isinstance(values, dict):
        return (), array("d", [number_of(values)])
    timeline = values.get("timeline") or []
    periods = tuple(str(item["period"]).replace("-", "") for item in timeline)
    return periods, array("d", [number_of(item["value"]) for item in timeline])


def _add_method(table: NodeTable, short: str, item: Json) -> None:
    statistics = item.get("statistics") or {}
    for name in NUMBERS[short]:
        value = number_of(statistics[name]) if name in statistics else ABSENT
        table.numbers.setdefault((short, name), array("d")).append(value)
    suppressed = statistics.get("suppressed")
    table.suppressed.setdefault(short, array("d")).append(ABSENT if suppressed is None else suppressed)
    if short in LISTS:
        values = statistics.get(LISTS[short]) or []
        table.lists.setdefault(short, []).append(array("d", map(number_of, values)))
    for name in WORDS.get(short, ()):
        table.words.setdefault((short, name), []).append(statistics.get(name))
    for anomaly in item.get("anomalies") or ():
        for found in anomaly["methods"]:
            entry = table.anomalies.setdefault((short, found["applies_to"]), Anomalies())
            # Entities before this one had no such label.
            _fill(entry, len(table.lines) - 1)
            entry.words.append(found["anomaly"])
            entry.values.append(number_of(found["statistic_value"]))


def _fill(entry: Anomalies, length: int) -> None:
    while len(entry.words) < length:
        entry.words.append(None)
        entry.values.append(ABSENT)
