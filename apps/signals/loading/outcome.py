"""What a load found, put together from what each file told."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from apps.signals.artifacts.edge_types import CATEGORIES
from apps.signals.artifacts.findings import (
    DUPLICATE_ENTITY,
    EDGE_TYPE_UNKNOWN,
    OPTIONAL_MISSING,
    Finding,
)
from apps.signals.artifacts.gate import Verdict
from apps.signals.artifacts.listing import (
    BUNDLE,
    CLASSIFICATIONS,
    CONTRIBUTION_INDEX,
    EXPERIMENTS,
    GRAPH,
    MODELING_RUNS,
    SEMANTIC,
    VALIDATION,
)
from apps.signals.artifacts.periods import first_day
from apps.signals.loading.plan import LINES, Loaded
from apps.signals.storage.raw import Duplicates

OPTIONAL = (
    SEMANTIC,
    BUNDLE,
    GRAPH,
    VALIDATION,
    CLASSIFICATIONS,
    CONTRIBUTION_INDEX,
    MODELING_RUNS,
    EXPERIMENTS,
)


@dataclass(slots=True)
class Outcome:
    """The files that were loaded, and what was noticed beyond them."""

    verdict: Verdict
    files: list[Loaded] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    duplicates: list[Duplicates] = field(default_factory=list)

    @property
    def rows(self) -> dict[str, int]:
        """Return the rows of each raw table that has some."""
        counts = Counter[str]()
        for file in self.files:
            counts.update(file.rows)
        return {table: count for table, count in sorted(counts.items()) if count > 0}

    @property
    def rejected(self) -> int:
        """Return how many lines gave no row."""
        return sum(file.rejected for file in self.files)

    @property
    def lines(self) -> int:
        """Return how many lines the files of lines have."""
        return sum(file.lines for file in self.files if file.task.kind in LINES)

    @property
    def data_period(self) -> dt.date | None:
        """Return the first day of the newest month that a temporal node covers."""
        nodes = self.verdict.look.declared.nodes
        days = [day for node in nodes if (day := first_day(node.end_period)) is not None]
        return max(days, default=None)

    def changed_files(self) -> list[str]:
        """Return the paths of files that are no longer as the gate saw them."""
        seen = {file.path: file.sha256 for file in self.verdict.files}
        return [file.task.path for file in self.files if seen.get(file.task.path, file.sha256) != file.sha256]

    def all_findings(self) -> list[Finding]:
        """Return everything that was noticed, by gate and load."""
        return [*self.verdict.findings, *self.findings, *self._of_files(), *self._doubled(), *self._of_run()]

    def _of_files(self) -> Iterator[Finding]:
        for file in self.files:
            for remark in file.remarks:
                yield Finding(remark.code, remark.message, file.task.path, remark.line, remark.count)

    def _doubled(self) -> Iterator[Finding]:
        paths: dict[UUID, str] = {file.task.file_id: file.task.path for file in self.files}
        for each in self.duplicates:
            text = "The node has the entity already; its first line counts."
            yield Finding(DUPLICATE_ENTITY, text, paths[each.file_id], each.first_line, each.count)

    def _of_run(self) -> Iterator[Finding]:
        edges = Counter[str]()
        for file in self.files:
            edges.update(file.edge_types)
        for edge_type, count in sorted(_unknown(edges, self.verdict).items()):
            yield Finding(EDGE_TYPE_UNKNOWN, f"The edge type {edge_type[:80]!r} is not known.", count=count)
        present = {file.path for file in self.verdict.files}
        missing = [path for path in OPTIONAL if path not in present]
        if missing:
            yield Finding(OPTIONAL_MISSING, f"Without {', '.join(missing)}.", count=len(missing))


def _unknown(edges: Counter[str], verdict: Verdict) -> dict[str, int]:
    declared: Sequence[dict[str, object]] = verdict.look.declared.bundle.edge_types
    known = {*CATEGORIES, *(str(each.get("id")) for each in declared if each.get("category"))}
    return {edge_type: count for edge_type, count in edges.items() if edge_type not in known}
