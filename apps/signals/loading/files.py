"""What each kind of file gives: rows for the raw tables, one function a kind."""

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec
import yaml

from apps.signals.artifacts.control import BOM, CONTROL_BYTES
from apps.signals.artifacts.findings import BOM as BOM_SKIPPED
from apps.signals.artifacts.findings import NUL_REMOVED, NUMBER_NULLED
from apps.signals.artifacts.gate import LINE_BYTES
from apps.signals.artifacts.repair import NotJson, Repaired, repair, to_json
from apps.signals.loading.decoding import Decoder
from apps.signals.loading.entities import EntityColumns, entity_columns, pairs_of
from apps.signals.loading.plan import FileTask, Node, Target
from apps.signals.loading.reading import FileReader, Line, Remarks
from apps.signals.loading.records import (
    ClassificationLine,
    ContributionLine,
    EntityLine,
    Experiment,
    ExperimentMetrics,
    Metric,
    ModelingRun,
    NodeLine,
    Timeline,
)

Rows = Iterator[tuple[str, Sequence[Any]]]
NARRATIVE: Final = "contribution_"
DRIVER_COLUMNS: Final = ("mean_abs_shap", "mean_shap", "count")


class FileRows:
    """The rows of one file. Iterate, then read `remarks` and `edge_types`."""

    def __init__(self, task: FileTask, target: Target, reader: FileReader, *, careful: bool) -> None:
        self.task = task
        self.target = target
        self.reader = reader
        self.careful = careful
        self.remarks = Remarks()
        self.edge_types: Counter[str] = Counter()

    def __iter__(self) -> Rows:
        return KINDS.get(self.task.kind, FileRows.document)(self)

    def _common(self, line_no: int, payload: bytes | None) -> tuple[Any, ...]:
        return (self.target.run_pk, self.task.file_id, line_no, payload)

    def _lines(self) -> Iterator[Line]:
        return self.reader.each_line(self.remarks, careful=self.careful)

    def node_results(self) -> Rows:
        """Yield the node and its entities."""
        node = self.task.node or Node("", "", is_temporal=False)
        lines = self._lines()
        first = next(lines, None)
        head = self._head(first, node) if first is not None else None
        if head is not None:
            record, payload = head
            # The index says what a node is; where it is silent, its file does.
            node = Node(node.node_id, node.metric_id or record.metric_id or "", _is_temporal(node, record))
            columns = (node.node_id, node.metric_id, node.is_temporal, int(record.entity_results_count))
            yield "raw_node_results", (*self._common(1, payload), *columns)
        decoder = Decoder(EntityLine, self.remarks)
        for line in lines:
            found = decoder.decode(line)
            if found is not None:
                yield "raw_entity_results", self._entity(line, node, *found)

    def _head(self, line: Line, node: Node) -> tuple[NodeLine, bytes] | None:
        """Return the node's own line, None if it is not one; its edges are counted by type."""
        found = Decoder(NodeLine, self.remarks).decode(line)
        if found is None:
            return None
        head = found[0]
        if head.type != "node_metadata" or head.canonical_node_id not in {None, node.node_id}:
            self.remarks.reject(line.number, f"It is not the metadata of {node.node_id}.")
            return None
        for edge in (*(head.canonical_child_node_ids or ()), *(head.canonical_parent_node_ids or ())):
            self.edge_types[edge.edge_type or ""] += 1
        return found

    def _entity(self, line: Line, node: Node, record: EntityLine, payload: bytes) -> tuple[Any, ...]:
        entity = entity_columns(
            pairs_of(record.entity), node_id=node.node_id, metric_id=node.metric_id, target=self.target
        )
        came_along = record.metadata
        metric = record.metric[0] if record.metric else Metric()
        return (
            *self._common(line.number, payload),
            node.node_id,
            node.metric_id,
            node.is_temporal,
            entity.facility_id,
            (came_along.systemName if came_along else None) or entity.system_name,
            entity.dimensions,
            entity.entity_hash,
            entity.signal_key,
            came_along.encounters if came_along else None,
            metric.values if isinstance(metric.values, float) else None,
            _observed(metric),
        )

    def classifications(self) -> Rows:
        """Yield the classifications of entities."""
        decoder = Decoder(ClassificationLine, self.remarks)
        for line in self._lines():
            found = decoder.decode(line)
            if found is None:
                continue
            record, payload = found
            entity = self._keyed(record.entity_key, record.node_id, record.metric_id)
            yield (
                "raw_classifications",
                (
                    *self._common(line.number, payload),
                    record.node_id,
                    record.metric_id,
                    entity.entity_hash,
                    entity.signal_key,
                    record.signal_type,
                    record.severity,
                    record.suppressed,
                    _whole(record.period_count),
                ),
            )

    def contributions(self) -> Rows:
        """Yield what children add to their parents."""
        decoder = Decoder(ContributionLine, self.remarks)
        for line in self._lines():
            found = decoder.decode(line)
            if found is None:
                continue
            record, payload = found
            parent = self._keyed(record.parent_entity, record.parent_node_id, record.metric_id)
            child = record.child_entity
            yield (
                "raw_contributions",
                (
                    *self._common(line.number, payload),
                    record.parent_node_id,
                    record.child_node_id,
                    record.metric_id,
                    parent.signal_key,
                    self._keyed(child, record.child_node_id, record.metric_id).signal_key if child else None,
                    record.method,
                    record.weight_field,
                    record.parent_value,
                    record.child_value,
                    record.weight_value,
                    record.weight_share,
                    record.weighted_child_value,
                    record.raw_component,
                    record.contribution_value,
                    record.excess_over_parent,
                ),
            )

    def _keyed(self, entity: dict[str, Any], node_id: str, metric_id: str | None) -> EntityColumns:
        # A key's metric is the node's: a line may be about one of its z-scores.
        metric = self.target.metrics.get(node_id) or metric_id or ""
        return entity_columns(entity.items(), node_id=node_id, metric_id=metric, target=self.target)

    def modeling_runs(self) -> Rows:
        """Yield the runs of the modeling."""
        decoder = Decoder(ModelingRun, self.remarks)
        for item in self._items():
            found = decoder.decode(item)
            if found is not None:
                record, payload = found
                columns = (record.status, record.duration_seconds)
                yield "raw_modeling_runs", (*self._common(item.number, payload), *columns)

    def modeling_experiments(self) -> Rows:
        """Yield the experiments."""
        decoder = Decoder(Experiment, self.remarks)
        for item in self._items():
            found = decoder.decode(item)
            if found is None:
                continue
            record, payload = found
            columns = (record.estimator, record.groupby_label, record.group_value, _whole(record.rows))
            metrics = msgspec.structs.astuple(record.metrics or ExperimentMetrics())
            row = (*self._common(item.number, payload), *columns, record.duration_seconds, *metrics)
            yield "raw_modeling_experiments", row

    def _items(self) -> Iterator[Line]:
        """Yield the items of an array as lines; what is no array is rejected."""
        content = self._document_bytes()
        if content is None:
            return
        is_careful = self.careful or _is_odd(content)
        try:
            items = msgspec.json.decode(content, type=list[msgspec.Raw])
        except (msgspec.DecodeError, RecursionError):
            repaired = self._repair(content)
            if repaired is None or not isinstance(repaired, list):
                self.remarks.reject(1, "It is no array.")
                return
            items = [msgspec.Raw(to_json(item)) for item in repaired]
        for number, item in enumerate(items, start=1):
            yield Line(number, bytes(item), is_careful)

    def shap(self) -> Rows:
        """Yield the drivers of an experiment, one a line of the CSV."""
        text = self._text()
        if text is None:
            return
        lines = csv.DictReader(io.StringIO(text, newline=""))
        try:
            for row in lines:
                feature = row.get("feature")
                if not feature:
                    self.remarks.reject(lines.line_num, "The feature is missing.")
                    continue
                absolute, mean, count = (_number(row.get(name)) for name in DRIVER_COLUMNS)
                payload = {"feature": feature, "mean_abs_shap": absolute, "mean_shap": mean, "count": count}
                columns = (self.task.experiment_no, feature, absolute, mean, _whole(count))
                row_of_table = (*self._common(lines.line_num, to_json(payload)), *columns)
                yield "raw_modeling_drivers", row_of_table
        except csv.Error as error:
            self.remarks.reject(lines.line_num, str(error))

    def narrative(self) -> Rows:
        """Yield the narrative of a facility, whose id is in the file's name."""
        text = self._text()
        if text is not None:
            name = self.task.path.rpartition("/")[2].removesuffix(".md")
            yield "raw_narratives", (*self._common(1, None), name.removeprefix(NARRATIVE), text)

    def document(self) -> Rows:
        """Yield a control or index file as a whole."""
        content = self._document_bytes()
        is_yaml = self.task.path.endswith(".yaml")
        read = self._from_yaml if is_yaml else self._repair
        repaired = None if content is None else read(content)
        if repaired is not None:
            yield "raw_documents", (*self._common(1, to_json(repaired)), self.task.kind)

    def _document_bytes(self) -> bytes | None:
        content = self.reader.whole(CONTROL_BYTES)
        if content is None:
            self.remarks.reject(1, f"The file is larger than {CONTROL_BYTES:,} bytes.")
            return None
        if content.startswith(BOM):
            self.remarks.count(BOM_SKIPPED, 1)
        return content.removeprefix(BOM)

    def _text(self) -> str | None:
        content = self.reader.whole(LINE_BYTES)
        if content is None:
            self.remarks.reject(1, f"The file is larger than {LINE_BYTES:,} bytes.")
            return None
        if content.startswith(BOM):
            self.remarks.count(BOM_SKIPPED, 1)
        repaired = Repaired()
        text = repaired.clean_text(content.removeprefix(BOM).decode("utf-8", "replace"))
        self.remarks.count(NUL_REMOVED, 1, repaired.nuls)
        return text

    def _from_yaml(self, content: bytes) -> Any:
        """Return what an operator's bundle in YAML says, as JSON would say it."""
        try:
            return self._repair(json.dumps(yaml.safe_load(content), default=str).encode())
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            self.remarks.reject(1, str(error))
            return None

    def _repair(self, content: bytes) -> Any:
        try:
            repaired = repair(content)
        except NotJson as error:
            self.remarks.reject(1, str(error))
            return None
        self.remarks.count(NUMBER_NULLED, 1, repaired.nulled)
        self.remarks.count(NUL_REMOVED, 1, repaired.nuls)
        return repaired.value


KINDS: Final[dict[str, Callable[[FileRows], Rows]]] = {
    "node_results": FileRows.node_results,
    "classifications": FileRows.classifications,
    "contributions": FileRows.contributions,
    "modeling_runs": FileRows.modeling_runs,
    "modeling_experiments": FileRows.modeling_experiments,
    "shap": FileRows.shap,
    "narrative": FileRows.narrative,
}


def _is_temporal(node: Node, head: NodeLine) -> bool:
    return node.is_temporal or (head.summary is not None and head.summary.temporal_context is not None)


def _observed(metric: Metric) -> int | None:
    runtime = metric.temporal_runtime
    if runtime is not None and runtime.observed_count is not None:
        return _whole(runtime.observed_count)
    if isinstance(metric.values, Timeline):
        return sum(point.value is not None for point in metric.values.timeline)
    return None


def _whole(number: float | None) -> int | None:
    return int(number) if number is not None and math.isfinite(number) else None


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _is_odd(content: bytes) -> bool:
    return b"\\u0000" in content or b"\x00" in content or not content.isascii()
