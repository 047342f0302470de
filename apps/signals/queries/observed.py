"""Where the figures of a signal stand: the newest run that holds it, its lines, the row dbt made of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from django.db.models import QuerySet

from apps.signals.errors import RunPruned
from apps.signals.models import Observation, Run, RunFile, Signal
from apps.signals.queries.relations import Record, read_record, read_records
from apps.signals.states import RunStatus
from apps.signals.storage.mart_schema import FCT_SIGNALS
from apps.signals.storage.marts import has_marts, mart

# Runs from the newest back.
NEWEST = ("-run__started_at", "-run__run_id", "-run__revision")
_MART_ROW = "SELECT * FROM {signals} WHERE run_id = %(run)s AND signal_key = %(key)s"
_LINES = (
    "SELECT file_id, line_no, node_id, payload FROM raw_entity_results WHERE run_id = %(run)s"
    " AND (file_id, line_no) IN ((%(file)s, %(line)s), (%(temporal_file)s, %(temporal_line)s))"
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file of a run, and what stands in it; empty once the run was pruned."""

    file: RunFile
    number: int
    payload: Mapping[str, Any]

    @property
    def methods(self) -> dict[str, tuple[int, Mapping[str, Any]]]:
        """Return place and statistics of each method by its short name; of equal ones the first."""
        found: dict[str, tuple[int, Mapping[str, Any]]] = {}
        for place, said in enumerate(_items(self.payload.get("statistical_methods"))):
            _, _, short = str(said.get("statistical_method")).partition("__")
            statistics = said.get("statistics")
            if isinstance(statistics, dict):
                found.setdefault(short.partition("__")[0], (place, statistics))
        return found

    def statistic(self, method: str, name: str) -> Any:
        """Return one statistic of a method, None if the line has none."""
        return self.methods.get(method, (0, {}))[1].get(name)


@dataclass(frozen=True, slots=True)
class Lines:
    """The line of the aggregate node, and that of its temporal one, if there is one."""

    aggregate: Line
    temporal: Line | None


def history_of(signal: Signal) -> QuerySet[Observation]:
    """Return what each run said of a signal, with the run and the files, in no order."""
    rows = Observation.objects.filter(organization=signal.organization_id, signal=signal)
    return rows.select_related("run", "aggregate_file", "temporal_file")


def newest_observation(signal: Signal) -> Observation:
    """Return the newest observation whose rows are still there. Issues two queries.

    Raises RunPruned. Not by content_run: a signal that never changes stays in the newest runs, too.
    """
    rows = history_of(signal).exclude(run__status=RunStatus.PRUNED)
    found = rows.order_by(*NEWEST).first()
    if found is None or not has_marts():
        raise RunPruned
    return found


def mart_row(signal: Signal, run: Run) -> Record | None:
    """Return the row that dbt made of a signal in a run, its JSON read; None if there is none."""
    names = {"run": run.pk, "key": signal.signal_key}
    row = read_record(_MART_ROW, names, signals=mart(FCT_SIGNALS))
    if row is None:
        return None
    kinds = dict(FCT_SIGNALS.columns)
    return {name: read_json(value) if kinds.get(name) == "jsonb" else value for name, value in row.items()}


def kept_mart_row(signal: Signal, run: Run) -> Record:
    """Return the row that dbt made of a signal in a run; raises RunPruned."""
    row = mart_row(signal, run)
    if row is None:
        raise RunPruned
    return row


def lines_of(observation: Observation) -> Lines:
    """Return the lines that an observation stands on. Issues one query."""
    rows = read_records(
        _LINES,
        {
            "run": observation.run_id,
            "file": observation.aggregate_file_id,
            "line": observation.aggregate_line,
            "temporal_file": observation.temporal_file_id,
            "temporal_line": observation.temporal_line,
        },
    )
    payloads = {(row["file_id"], row["line_no"]): read_json(row["payload"]) for row in rows}

    def line(file: RunFile, number: int) -> Line:
        return Line(file, number, payloads.get((file.pk, number)) or {})

    temporal = observation.temporal_file
    return Lines(
        aggregate=line(observation.aggregate_file, observation.aggregate_line),
        temporal=line(temporal, observation.temporal_line or 0) if temporal is not None else None,
    )


def _items(value: Any) -> list[Mapping[str, Any]]:
    """Return the items of a list, empty ones for what is no object; a file may hold anything."""
    return [item if isinstance(item, dict) else {} for item in value] if isinstance(value, list) else []


def read_json(value: Any) -> Any:
    """Return JSON that the driver leaves as text."""
    return orjson.loads(value) if isinstance(value, str | bytes) else value
