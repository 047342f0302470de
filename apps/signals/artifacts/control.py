"""Control files, decoded as far as gate and load need them (section 3 of the format page).

Decoded leniently: unknown fields are skipped, a BOM too; numbers may come as texts or as `15166.0`.
"""

import datetime as dt
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from apps.signals.artifacts.paths import PathEscape, read_small
from apps.signals.artifacts.repair import repair

BOM: Final = b"\xef\xbb\xbf"
NUL_ESCAPE: Final = b"\\u0000"
CONTROL_BYTES: Final = 64 * 1024 * 1024
SCHEMA_VERSION: Final = 1
T = TypeVar("T")


class Unreadable(Exception):
    """A control file is missing, too large, or not what it should be."""


class Results(msgspec.Struct):
    """Where the manifest says results lie."""

    index_path: str = "results/index.json"
    include_legacy_entity_results: bool = False


class RunManifest(msgspec.Struct):
    """`run_manifest.json`."""

    run_id: str
    started_at: str
    node_count: float
    results: Results = msgspec.field(default_factory=Results)


class SemanticManifest(msgspec.Struct):
    """`run_manifest.semantic.json`."""

    run_id: str | None = None
    taxonomy_hash: str | None = None
    schema_version: Any = SCHEMA_VERSION


class TemporalContext(msgspec.Struct):
    """Which months a temporal node covers."""

    end_period: str | int | float | None = None


class Summary(msgspec.Struct):
    """What a node is about; temporal if it has a context."""

    temporal_context: TemporalContext | None = None


class IndexedNode(msgspec.Struct):
    """One node of the index."""

    canonical_node_id: str | None = None
    node_id: str | None = None
    metric_id: str | None = None
    result_path: str | None = None
    summary: Summary | None = None

    @property
    def name(self) -> str:
        """Return the node's id."""
        return self.canonical_node_id or self.node_id or ""

    @property
    def is_temporal(self) -> bool:
        """Tell whether its values are timelines."""
        return self.summary is not None and self.summary.temporal_context is not None


class ResultsIndex(msgspec.Struct):
    """`results/index.json`."""

    nodes: list[IndexedNode]
    run_id: str | None = None


class ClassificationIndex(msgspec.Struct):
    """`analysis/classification/index.json`."""

    run_id: str | None = None
    total_entities: float | None = None


class MetricArtifact(msgspec.Struct):
    """One file of contributions."""

    artifact_path: str
    row_count: float | None = None


class ContributionParent(msgspec.Struct):
    """The files of contributions of one parent node."""

    metric_artifacts: list[MetricArtifact] = msgspec.field(default_factory=list)


class ContributionIndex(msgspec.Struct):
    """`analysis/contribution/index.json`; the `metrics` beside the parents loses files and is not read."""

    run_id: str | None = None
    parents: list[ContributionParent] = msgspec.field(default_factory=list)


class ValidationSummary(msgspec.Struct):
    """The totals of a validation."""

    failed: float = 0
    warnings: float = 0


class ValidationReport(msgspec.Struct):
    """`validation_report.json`."""

    summary: ValidationSummary = msgspec.field(default_factory=ValidationSummary)


class NodeHead(msgspec.Struct):
    """Line 1 of a node's file, as far as the gate looks at it."""

    type: str | None = None
    entity_results_count: float | None = None


class Bundle(msgspec.Struct):
    """`metadata_bundle.json`, as far as the load looks at it."""

    taxonomy_hash: str | None = None
    edge_types: list[dict[str, Any]] = msgspec.field(default_factory=list)


def read_control(run: Path, path: str, kind: type[T]) -> T:
    """Return a control file of a run; raises Unreadable."""
    try:
        return decode(read_small(run, path, CONTROL_BYTES), kind)
    except (OSError, ValueError, PathEscape, RecursionError) as error:
        raise Unreadable(f"{path} cannot be read: {_reason(error)}") from error


def decode(content: bytes, kind: type[T]) -> T:
    """Decode JSON leniently; raises ValueError (msgspec's errors are such), RecursionError."""
    content = content.removeprefix(BOM)
    try:
        if NUL_ESCAPE not in content:
            return msgspec.json.decode(content, type=kind, strict=False)
    except msgspec.DecodeError:
        pass
    return msgspec.convert(repair(content).value, type=kind, strict=False)


def parse_started_at(text: str) -> dt.datetime:
    """Return the instant of `started_at`; without a zone it is UTC. Raises ValueError."""
    text = text.strip()
    if text.endswith("+00:00Z"):
        text = text[:-1]
    instant = dt.datetime.fromisoformat(text)
    try:
        return instant.replace(tzinfo=dt.UTC) if instant.tzinfo is None else instant.astimezone(dt.UTC)
    except OverflowError as error:
        raise ValueError(f"{text} is beyond all years.") from error


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "it is missing."
    return str(error)[:300] or type(error).__name__
