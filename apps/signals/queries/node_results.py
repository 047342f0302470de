"""The entities of one node of a run, as its raw lines hold them."""

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from apps.common.errors import NotFound
from apps.signals.models import Observation, Run, Signal
from apps.signals.queries.choices import unpruned
from apps.signals.queries.relations import Record, read_records

Place = tuple[uuid.UUID, int]

_NODE: Final = (
    "SELECT node_id, metric_id, is_temporal, entity_results_count FROM raw_node_results"
    " WHERE run_id = %(run)s AND node_id = %(node)s LIMIT 1"
)
_ENTITIES: Final = (
    "SELECT file_id, line_no, facility_id, system_name, dimensions, signal_key, encounters, metric_value,"
    " observed_count, payload -> 'statistical_methods' AS methods FROM raw_entity_results"
    " WHERE run_id = %(run)s AND node_id = %(node)s"
    " AND (%(file)s::uuid IS NULL OR (file_id, line_no) > (%(file)s::uuid, %(line)s::integer))"
    " ORDER BY file_id, line_no LIMIT %(limit)s"
)
# Of each method's statistics, what is a z score.
Z_SUFFIX: Final = "zscore"


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """One node of a run."""

    node_id: str
    metric_id: str | None
    is_temporal: bool
    entity_results_count: int


@dataclass(frozen=True, slots=True)
class EntityResult:
    """One entity; z scores by statistic, labels by anomaly method. Of a temporal node there is no value."""

    file_id: uuid.UUID
    line_no: int
    facility_id: str | None
    system_name: str | None
    dimensions: Sequence[Sequence[str | None]]
    value: float | None
    encounters: float | None
    observed_count: int | None
    z: Mapping[str, float | None]
    labels: Mapping[str, str | None]
    signal_id: uuid.UUID | None

    @property
    def place(self) -> Place:
        """Return where it stands in the list."""
        return (self.file_id, self.line_no)


def find_node(run: Run, node_id: str) -> NodeFacts:
    """Return a node of a run; raises NotFound, RunPruned. Issues one query."""
    found = read_records(_NODE, {"run": unpruned(run).pk, "node": node_id})
    if not found:
        raise NotFound
    return NodeFacts(**found[0])


def results_page(run: Run, node: NodeFacts, *, after: Place | None, limit: int) -> list[EntityResult]:
    """Return the entities of a node in the order of their lines, those past a place. Issues two queries."""
    file, line = after or (None, None)
    bound = {"run": run.pk, "node": node.node_id, "file": file, "line": line, "limit": limit}
    rows = read_records(_ENTITIES, bound)
    ids = _signal_ids(run, node, rows)
    return [_result(row, ids.get((row["file_id"], row["line_no"]))) for row in rows]


def _signal_ids(run: Run, node: NodeFacts, rows: Sequence[Record]) -> dict[Place, uuid.UUID]:
    """Return the signals of lines: by their key, of a temporal node by what was observed there."""
    if node.is_temporal:
        observed = Observation.objects.filter(
            run=run,
            temporal_file__in={row["file_id"] for row in rows},
            temporal_line__in=[row["line_no"] for row in rows],
        )
        found = observed.values_list("temporal_file", "temporal_line", "signal")
        return {(file, line): signal for file, line, signal in found if line is not None}
    keys = {row["signal_key"]: (row["file_id"], row["line_no"]) for row in rows}
    signals = Signal.objects.filter(organization=run.organization_id, signal_key__in=list(keys))
    return {keys[key]: pk for key, pk in signals.values_list("signal_key", "pk")}


def _result(row: Record, signal_id: uuid.UUID | None) -> EntityResult:
    # The database hands JSON on as text.
    methods = json.loads(row["methods"] or "null")
    return EntityResult(
        file_id=row["file_id"],
        line_no=row["line_no"],
        facility_id=row["facility_id"],
        system_name=row["system_name"],
        dimensions=json.loads(row["dimensions"]),
        value=row["metric_value"],
        encounters=row["encounters"],
        observed_count=row["observed_count"],
        z=dict(_scores(methods)),
        labels=dict(_labels(methods)),
        signal_id=signal_id,
    )


def _scores(methods: Any) -> Iterator[tuple[str, float | None]]:
    for method in _objects(methods):
        statistics = method.get("statistics")
        for name, value in statistics.items() if isinstance(statistics, dict) else ():
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if name.endswith(Z_SUFFIX) and (is_number or value is None):
                yield name, value


def _labels(methods: Any) -> Iterator[tuple[str, str | None]]:
    for method in _objects(methods):
        for profile in _objects(method.get("anomalies")):
            for anomaly in _objects(profile.get("methods")):
                label = anomaly.get("anomaly")
                yield str(anomaly.get("anomaly_method")), None if label is None else str(label)


def _objects(found: Any) -> list[dict[str, Any]]:
    """Return the objects of what should be a list of them: the load keeps lines as they were written."""
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
