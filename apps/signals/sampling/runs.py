"""Making runs: metric by metric, block by block, line by line into the folder."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from apps.signals.formulas.nodes import NodeFigures, aggregate_node, temporal_node
from apps.signals.sampling import control_documents, names
from apps.signals.sampling.classification_lines import Stamp, classification_lines
from apps.signals.sampling.contribution_lines import contribution_lines
from apps.signals.sampling.entity_lines import aggregate_lines, temporal_lines
from apps.signals.sampling.faults import spoil
from apps.signals.sampling.graph import Graph, Node, graph_document, make_graph
from apps.signals.sampling.lines import Json
from apps.signals.sampling.narratives import FACILITIES, narrative, segments_by_facility
from apps.signals.sampling.node_summaries import NodeContent, metadata_line
from apps.signals.sampling.options import Fault, RunPlan, SampleOptions, plan_runs, refuse_existing
from apps.signals.sampling.population import Population, make_population
from apps.signals.sampling.values import Panel, Window, panels_of
from apps.signals.sampling.writing import LineWriter, RunFolder

CLASSIFICATIONS: Final = "analysis/classification"
CONTRIBUTIONS: Final = "analysis/contribution"
VERSION: Final = "rules_v1"
SUMMARY_COLUMNS: Final = ("node_id", "facility", "segment", "metric_id", "signal_type", "severity")


@dataclass(frozen=True, slots=True)
class SampleRun:
    """What was written of one run; `lines` are those of JSONL files, `entities` those of aggregate nodes."""

    path: str
    run_id: str
    files: int
    size_bytes: int
    lines: int
    entities: int
    types: dict[str, int]
    manifest_sha256: str


def make_sample_runs(options: SampleOptions) -> Iterator[SampleRun]:
    """Write the runs one after the other and return what was written of each.

    Equal options give equal bytes. Raises SampleOptionsInvalid or SampleRunExists before anything is written.
    """
    plans = plan_runs(options)
    refuse_existing(plans)
    population = make_population(options.entities, options.seed)
    for plan in plans:
        yield _Making(plan, population, options.seed).run()


@dataclass(slots=True)
class _Classified:
    """The open files of classifications, and what has gone into them."""

    writer: LineWriter
    summary: LineWriter
    types: Counter[str] = field(default_factory=Counter)

    def add(self, line: Json) -> None:
        self.types[line["signal_type"]] += 1
        self.writer.write(line)
        facility, *segment = line["entity_key"].values()
        cells = (line["node_id"], facility, *(segment or [""]), line["metric_id"], line["signal_type"])
        self.summary.write_bytes(csv_line((*cells, line["severity"])))


class _Making:
    """One run on its way into its folder."""

    def __init__(self, plan: RunPlan, population: Population, seed: int) -> None:
        self.plan, self.population, self.seed = plan, population, seed
        self.folder = RunFolder(plan.folder)
        self.graph: Graph = make_graph(
            population,
            failed_node=Fault.FAILED_NODE in plan.faults,
            unknown_edge=Fault.UNKNOWN_EDGE in plan.faults,
        )
        self.stamp = Stamp(plan.run_id, plan.started_at.isoformat())
        self.entities = 0
        self.parents: list[Json] = []

    def run(self) -> SampleRun:
        """Write everything; control files before results, the marker last."""
        self.plan.folder.mkdir(parents=True)
        self._control_documents()
        with (
            self.folder.lines(f"{CLASSIFICATIONS}/classifications.jsonl") as writer,
            self.folder.lines(f"{CLASSIFICATIONS}/classification_summary.csv") as summary,
        ):
            classified = _Classified(writer, summary)
            summary.write_bytes(csv_line(SUMMARY_COLUMNS))
            for number in sorted({block.metric_number for block in self.population.blocks}):
                self._metric(number, classified)
        self._analysis_documents(classified)
        spoil(self.folder, self.plan, self.graph)
        self.folder.complete()
        return self._summary(classified)

    def _control_documents(self) -> None:
        plan, graph, put = self.plan, self.graph, self.folder.document
        put("run_manifest.json", control_documents.run_manifest(plan, graph, node_count=len(graph.nodes)))
        put("run_manifest.semantic.json", control_documents.semantic_manifest(plan))
        put("metadata_bundle.json", control_documents.metadata_bundle(plan, self.population))
        put("graph.json", graph_document(graph))
        put("validation_report.json", control_documents.validation_report(plan))
        put("results/index.json", control_documents.results_index(plan, graph))
        put("modeling/run_summary.json", control_documents.run_summary(plan))
        put("modeling/experiments.json", control_documents.experiments(plan, self.seed))
        for number, estimator in enumerate(names.ESTIMATORS):
            table = control_documents.shap_table(plan, number, self.seed)
            self.folder.text(f"modeling/shap/{estimator}_global.csv", table.encode())

    def _metric(self, number: int, classified: _Classified) -> None:
        window = Window(
            self.population,
            self.seed,
            self.plan.number,
            len(self.plan.periods),
            Fault.HALF_GONE in self.plan.faults,
        )
        panels = panels_of(window, number)
        whole = panels[0]
        for panel in panels:
            aggregate = aggregate_node(panel.values, panel.facet)
            temporal = temporal_node(panel.timeline, panel.facet)
            self._node_files(panel, aggregate, temporal)
            node = self.graph.node_of(panel.block, temporal=False)
            if node is None:
                continue
            self.entities += len(panel.facility)
            for line in classification_lines(NodeContent(node, panel, aggregate), temporal, self.stamp):
                classified.add(line)
            if panel is not whole:
                self._contributions(whole, panel, node, (aggregate, temporal))

    def _node_files(self, panel: Panel, aggregate: NodeFigures, temporal: NodeFigures) -> None:
        for figures, is_temporal in ((aggregate, False), (temporal, True)):
            node = self.graph.node_of(panel.block, temporal=is_temporal)
            if node is None:
                continue
            content = NodeContent(node, panel, figures)
            with self.folder.lines(f"results/nodes/{node.id}.jsonl") as writer:
                writer.write(metadata_line(content, list(self.graph.edges), self.plan.periods))
                found = (
                    temporal_lines(panel, figures, self.plan.periods)
                    if is_temporal
                    else aggregate_lines(panel, figures)
                )
                for line in found:
                    writer.write(line)

    def _contributions(
        self, whole: Panel, child: Panel, node: Node, figures: tuple[NodeFigures, NodeFigures]
    ) -> None:
        parent = self.graph.node_of(whole.block, temporal=False)
        if parent is None:
            return
        told = {names.facility_id(number) for number in whole.facility[:FACILITIES].tolist()}
        first: list[Json] = []
        name = f"{node.id}.{node.metric.id}.jsonl"
        with self.folder.lines(f"{CONTRIBUTIONS}/{name}") as writer:
            for line in contribution_lines(whole, child, parent, node, self.stamp):
                writer.write(line)
                if line["parent_entity"][names.FACILITY] in told:
                    first.append(line)
        self.parents.append(_parent_entry(parent, node, name, writer.lines))
        if node.metric is names.METRICS[0] and node.dimension == names.SERVICE_LINE:
            self._narratives(child, figures, first)

    def _narratives(
        self, child: Panel, figures: tuple[NodeFigures, NodeFigures], contributions: list[Json]
    ) -> None:
        for facility, segments in segments_by_facility(child, *figures, contributions).items():
            text = narrative(facility, segments, self.plan.started_at)
            self.folder.text(f"analysis/narrative/contribution_{facility}.md", text.encode())

    def _analysis_documents(self, classified: _Classified) -> None:
        run_id, at = self.plan.run_id, self.stamp.timestamp
        put = self.folder.document
        put(
            f"{CLASSIFICATIONS}/index.json",
            {
                "run_id": run_id,
                "classification_version": VERSION,
                "total_entities": classified.writer.lines,
                "signal_type_distribution": dict(sorted(classified.types.items())),
                "generated_at": at,
            },
        )
        put(f"{CLASSIFICATIONS}/manifest.json", {"run_id": run_id, "files": ["classifications.jsonl"]})
        put(f"{CONTRIBUTIONS}/index.json", {"run_id": run_id, "generated_at": at, "parents": self.parents})

    def _summary(self, classified: _Classified) -> SampleRun:
        files = self.folder.files
        return SampleRun(
            path=str(self.folder.root),
            run_id=self.plan.run_id,
            files=len(files),
            size_bytes=sum(written.size_bytes for written in files.values()),
            lines=sum(written.lines for path, written in files.items() if path.endswith(".jsonl")),
            entities=self.entities,
            types=dict(sorted(classified.types.items())),
            manifest_sha256=self.folder.manifest_sha256(),
        )


def _parent_entry(parent: Node, node: Node, name: str, rows: int) -> Json:
    artifact = {
        "metric_id": node.metric.id,
        "artifact_path": name,
        "row_count": rows,
        "output_format": "jsonl",
    }
    return {"parent_node_id": parent.id, "metric_artifacts": [artifact], "child_rows": rows}


def csv_line(cells: tuple[object, ...]) -> bytes:
    """Return a line of CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()
