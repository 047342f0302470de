"""Which folders are graphs and runs (section 1 of the format page)."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from apps.signals.artifacts.listing import MANIFEST
from apps.signals.artifacts.paths import is_node_id, is_run_id

CONTAINER: Final = "insight_graph"


@dataclass(frozen=True, slots=True)
class GraphFolder:
    """A folder with runs: where it lies below RUNS_ROOT, and the names of its runs."""

    root: str
    run_ids: tuple[str, ...]

    @property
    def name(self) -> str:
        """Return the graph's name."""
        return self.root.rpartition("/")[2]


def find_graphs(runs_root: Path) -> list[GraphFolder]:
    """Return every folder with runs, directly below the root or in its `insight_graph`, by its place."""
    direct = _folders(runs_root)
    contained = _folders(runs_root / CONTAINER)
    roots = [*direct, *(f"{CONTAINER}/{name}" for name in contained)]
    found = (GraphFolder(root, tuple(_runs(runs_root / root))) for root in roots)
    return [folder for folder in found if folder.run_ids]


def _folders(parent: Path) -> list[str]:
    """Return the names of folders that can be graphs; links are not followed."""
    try:
        with os.scandir(parent) as found:
            names = [child.name for child in found if child.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    return sorted(name for name in names if is_node_id(name))


def _runs(graph: Path) -> Iterator[str]:
    for name in _folders(graph):
        if is_run_id(name) and (graph / name / MANIFEST).is_file():
            yield name
