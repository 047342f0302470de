"""What is to be loaded of a run: one task a file, which a process of its own can carry out."""

from collections.abc import Iterable, Mapping
from typing import Final
from uuid import UUID

import msgspec

from apps.signals.artifacts.listing import DOCUMENTS
from apps.signals.artifacts.run import Declared, NodeFile
from apps.signals.artifacts.scanning import Scanned

DRIVERS: Final = "shap"
TEXTS: Final = frozenset({*DOCUMENTS.values(), "narrative"})
LINES: Final = frozenset({"node_results", "classifications", "contributions"})
ITEMS: Final = frozenset({"modeling_runs", "modeling_experiments"})


class Target(msgspec.Struct, frozen=True):
    """The run that is loaded: its folder, its key in the tables, and what keys are made of.

    `metrics` is the metric of each node.
    """

    folder: str
    run_pk: UUID
    graph: str
    facility_dimension: str
    metrics: dict[str, str]


class Node(msgspec.Struct, frozen=True):
    """The node whose results a file holds, by the index."""

    node_id: str
    metric_id: str
    is_temporal: bool


class FileTask(msgspec.Struct, frozen=True):
    """One file to load. `folder` replaces the run's for files that lie elsewhere."""

    file_id: UUID
    path: str
    kind: str
    size_bytes: int
    node: Node | None = None
    experiment_no: int = 0
    folder: str = ""


class Remark(msgspec.Struct, frozen=True):
    """A finding of a file's load, as it travels between processes."""

    code: str
    message: str
    line: int | None = None
    count: int = 1


class Loaded(msgspec.Struct):
    """What became of one file: as it was read, and the rows that it gave."""

    task: FileTask
    size_bytes: int
    sha256: str
    lines: int
    rows: dict[str, int]
    rejected: int = 0
    remarks: list[Remark] = msgspec.field(default_factory=list)
    edge_types: dict[str, int] = msgspec.field(default_factory=dict)


def plan_files(declared: Declared, files: Iterable[Scanned], file_ids: Mapping[str, UUID]) -> list[FileTask]:
    """Return a task for each file that gives rows, the largest first; drivers are planned by experiments."""
    nodes = {node.path: node for node in declared.nodes}
    contributions = set(declared.contributions)
    tasks = []
    for file in files:
        kind = _kind_of(file, nodes, contributions)
        if kind:
            node = nodes.get(file.path)
            tasks.append(
                FileTask(file_ids[file.path], file.path, kind, file.size_bytes, _node(node) if node else None)
            )
    return sorted(tasks, key=lambda task: (-task.size_bytes, task.path))


def _kind_of(file: Scanned, nodes: Mapping[str, NodeFile], contributions: set[str]) -> str:
    if file.path in nodes:
        return "node_results"
    if file.path in contributions:
        return "contributions"
    is_loaded = file.role in TEXTS or file.role in ITEMS or file.role == "classifications"
    return file.role if is_loaded else ""


def _node(node: NodeFile) -> Node:
    return Node(node.node_id, node.metric_id, node.is_temporal)
