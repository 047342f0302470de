"""A run's control files, read together: what it declares, and what is wrong with that."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from apps.signals.artifacts.control import (
    SCHEMA_VERSION,
    Bundle,
    ClassificationIndex,
    ContributionIndex,
    IndexedNode,
    ResultsIndex,
    RunManifest,
    SemanticManifest,
    Unreadable,
    ValidationReport,
    read_control,
)
from apps.signals.artifacts.findings import (
    COUNT_MISMATCH,
    INCOMPLETE,
    LEGACY_FORMAT,
    PATH_ESCAPE,
    RUN_ID_MISMATCH,
    VALIDATION_FAILED,
    VALIDATION_WARNING,
    Finding,
)
from apps.signals.artifacts.findings import SCHEMA_VERSION as SCHEMA_VERSION_UNKNOWN
from apps.signals.artifacts.listing import (
    BUNDLE,
    CLASSIFICATION_INDEX,
    CLASSIFICATIONS,
    CONTRIBUTION_FOLDER,
    CONTRIBUTION_INDEX,
    MANIFEST,
    SEMANTIC,
    VALIDATION,
    Entry,
)
from apps.signals.artifacts.paths import PathEscape, is_node_id, path_in_run


@dataclass(frozen=True, slots=True)
class NodeFile:
    """One node of the index and the file with its results."""

    node_id: str
    metric_id: str
    is_temporal: bool
    path: str
    end_period: str = ""


@dataclass(slots=True)
class Declared:
    """What the control files say. `expected_lines` is by path, where an index declares a count."""

    manifest: RunManifest | None = None
    semantic: SemanticManifest = field(default_factory=SemanticManifest)
    bundle: Bundle = field(default_factory=Bundle)
    nodes: list[NodeFile] = field(default_factory=list)
    node_ids: set[str] = field(default_factory=set)
    node_paths: set[str] = field(default_factory=set)
    contributions: list[str] = field(default_factory=list)
    expected_lines: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def read_declared(run: Path, entries: Sequence[Entry], *, accept_validation: bool = False) -> Declared:
    """Read a run's control files and check them against each other and against the listing."""
    declared = Declared()
    present = {entry.path for entry in entries}
    try:
        declared.manifest = read_control(run, MANIFEST, RunManifest)
    except Unreadable as error:
        declared.findings.append(Finding(INCOMPLETE, str(error), MANIFEST))
        return declared
    for read in (_read_semantic, _read_index, _read_bundle, _read_classifications, _read_contributions):
        declared.findings.extend(read(run, present, declared))
    declared.findings.extend(_check_id(run, MANIFEST, declared.manifest.run_id))
    if VALIDATION in present:
        declared.findings.extend(_read_validation(run, accepted=accept_validation))
    return declared


def _read_semantic(run: Path, present: set[str], declared: Declared) -> Iterator[Finding]:
    if SEMANTIC not in present:
        return
    try:
        semantic = declared.semantic = read_control(run, SEMANTIC, SemanticManifest)
    except Unreadable as error:
        yield Finding(INCOMPLETE, str(error), SEMANTIC)
        return
    if semantic.run_id is not None:
        yield from _check_id(run, SEMANTIC, semantic.run_id)
    if str(semantic.schema_version) not in {str(SCHEMA_VERSION), f"{SCHEMA_VERSION}.0", "None"}:
        told = str(semantic.schema_version)[:40]
        yield Finding(SCHEMA_VERSION_UNKNOWN, f"The schema version {told} is not known.", SEMANTIC)


def _read_bundle(run: Path, present: set[str], declared: Declared) -> Iterator[Finding]:
    if BUNDLE not in present:
        return
    try:
        declared.bundle = read_control(run, BUNDLE, Bundle)
    except Unreadable as error:
        yield Finding(INCOMPLETE, str(error), BUNDLE)


def _read_index(run: Path, present: set[str], declared: Declared) -> Iterator[Finding]:
    manifest = declared.manifest
    named = manifest.results.index_path if manifest else ""
    try:
        path = path_in_run(named, run=run, folder="results")
        index = read_control(run, path, ResultsIndex)
    except PathEscape as error:
        yield Finding(PATH_ESCAPE, str(error), MANIFEST)
        return
    except Unreadable as error:
        yield Finding(INCOMPLETE, str(error), named[:255])
        return
    if index.run_id is not None:
        yield from _check_id(run, path, index.run_id)
    if manifest and int(manifest.node_count) != len(index.nodes):
        yield Finding(
            COUNT_MISMATCH,
            f"The manifest counts {int(manifest.node_count):,} nodes, the index lists {len(index.nodes):,}.",
            path,
        )
    for node in index.nodes:
        yield from _read_node(run, present, declared, node)


def _read_node(run: Path, present: set[str], declared: Declared, node: IndexedNode) -> Iterator[Finding]:
    if not is_node_id(node.name):
        yield Finding(PATH_ESCAPE, f"{node.name[:200]!r} is no node id.")
        return
    try:
        path = path_in_run(node.result_path or f"{node.name}.jsonl", run=run, folder="results/nodes")
    except PathEscape as error:
        yield Finding(PATH_ESCAPE, str(error))
        return
    legacy = path.removesuffix(".jsonl").removesuffix(".json") + ".json"
    if path == legacy or (path not in present and legacy in present):
        yield Finding(LEGACY_FORMAT, "All entities in one object are not read.", legacy)
    elif path not in present:
        yield Finding(INCOMPLETE, f"The results of {node.name} are missing.", path)
    elif node.name in declared.node_ids or path in declared.node_paths:
        yield Finding(COUNT_MISMATCH, f"The index lists {node.name} twice.", path)
    else:
        context = node.summary.temporal_context if node.summary else None
        end = "" if context is None or context.end_period is None else str(context.end_period)
        declared.nodes.append(NodeFile(node.name, node.metric_id or "", node.is_temporal, path, end))
        declared.node_ids.add(node.name)
        declared.node_paths.add(path)


def _read_classifications(run: Path, present: set[str], declared: Declared) -> Iterator[Finding]:
    if CLASSIFICATION_INDEX not in present:
        return
    try:
        index = read_control(run, CLASSIFICATION_INDEX, ClassificationIndex)
    except Unreadable as error:
        yield Finding(INCOMPLETE, str(error), CLASSIFICATION_INDEX)
        return
    if index.run_id is not None:
        yield from _check_id(run, CLASSIFICATION_INDEX, index.run_id)
    if index.total_entities is None:
        return
    if CLASSIFICATIONS in present:
        declared.expected_lines[CLASSIFICATIONS] = int(index.total_entities)
    else:
        yield Finding(INCOMPLETE, "The classifications are missing.", CLASSIFICATIONS)


def _read_contributions(run: Path, present: set[str], declared: Declared) -> Iterator[Finding]:
    if CONTRIBUTION_INDEX not in present:
        found = (path for path in present if path.startswith(f"{CONTRIBUTION_FOLDER}/"))
        declared.contributions.extend(sorted(path for path in found if path.endswith(".jsonl")))
        return
    try:
        index = read_control(run, CONTRIBUTION_INDEX, ContributionIndex)
    except Unreadable as error:
        yield Finding(INCOMPLETE, str(error), CONTRIBUTION_INDEX)
        return
    if index.run_id is not None:
        yield from _check_id(run, CONTRIBUTION_INDEX, index.run_id)
    for artifact in (artifact for parent in index.parents for artifact in parent.metric_artifacts):
        try:
            path = path_in_run(artifact.artifact_path, run=run, folder=CONTRIBUTION_FOLDER)
        except PathEscape as error:
            yield Finding(PATH_ESCAPE, str(error), CONTRIBUTION_INDEX)
            continue
        if path not in present:
            yield Finding(INCOMPLETE, "The contributions are missing.", path)
        elif path not in declared.contributions:
            declared.contributions.append(path)
        if path in present and artifact.row_count is not None:
            # Several parents may share a file: their rows add up.
            declared.expected_lines[path] = declared.expected_lines.get(path, 0) + int(artifact.row_count)


def _read_validation(run: Path, *, accepted: bool) -> Iterator[Finding]:
    try:
        summary = read_control(run, VALIDATION, ValidationReport).summary
    except Unreadable as error:
        yield Finding(INCOMPLETE, str(error), VALIDATION)
        return
    failed, warnings = int(summary.failed), int(summary.warnings)
    if failed and not accepted:
        yield Finding(VALIDATION_FAILED, f"{failed} layers failed their validation.", VALIDATION)
    if (failed and accepted) or warnings:
        text = f"{failed} layers failed their validation, which was accepted; {warnings} gave warnings."
        yield Finding(VALIDATION_WARNING, text, VALIDATION, count=max(failed + warnings, 1))


def _check_id(run: Path, path: str, run_id: str) -> Iterator[Finding]:
    if run_id != run.name:
        yield Finding(RUN_ID_MISMATCH, f"The file is of run {run_id[:64]!r}.", path)
