"""From the files of a manifest to their structure, within the limits of a job."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from apps.projects.analysis.batches import scan_files
from apps.projects.analysis.values import SourceFile
from apps.projects.documenting.results import Unscanned
from apps.projects.documenting.sources import ListedFile, read_sources
from apps.projects.documenting.structure import ReadFile, Structure

FILES_MAX: Final = 20_000
# A worker holds all of them at once, with what is written of each.
DEFINITIONS_MAX: Final = 30_000
WALL_S: Final = 300.0


@dataclass(slots=True)
class Deadline:
    """When a job has to come to its end, by the monotonic clock."""

    ends_at_s: float

    @classmethod
    def after(cls, seconds: float = WALL_S) -> "Deadline":
        """Return the deadline that lies so far ahead."""
        return cls(time.monotonic() + seconds)

    @property
    def is_over(self) -> bool:
        """Tell whether the time is used up."""
        return time.monotonic() >= self.ends_at_s


def read_structure(
    repository: Path,
    files: Sequence[ListedFile],
    *,
    deadline: Deadline,
    beat: Callable[[float], None],
    wants_names: bool = False,
) -> Structure:
    """Return the structure of files; those beyond the limits, and unreadable ones, are unscanned.

    `beat` is called now and then with the share that is done. Raises GitFailed, GitMissing.
    """
    readable = [file for file in files if not file.unreadable]
    unscanned = [Unscanned(file.path, file.unreadable) for file in files if file.unreadable]
    unscanned += [Unscanned(file.path, "limit") for file in readable[FILES_MAX:]]
    readable = readable[:FILES_MAX]
    read: list[ReadFile] = []
    sources = _until(deadline, read_sources(repository, readable, wants_names=wants_names))
    found = scan_files(
        sources, beat=lambda: beat(len(read) / max(len(readable), 1)), is_over=lambda: deadline.is_over
    )
    # Read as it is made: at most one batch of contents is held.
    definitions = 0
    for file, (_source, facts) in zip(readable, found, strict=False):
        read.append(ReadFile(file, facts))
        definitions += len(facts.definitions)
        if definitions >= DEFINITIONS_MAX:
            break
    late = readable[len(read) :]
    reason = "limit" if definitions >= DEFINITIONS_MAX else "time"
    unscanned += [Unscanned(file.path, reason) for file in late]
    unscanned += [Unscanned(each.file.path, each.facts.unscanned) for each in read if each.facts.unscanned]
    unscanned.sort(key=lambda each: each.path)
    is_partial = bool(late) or any(
        each.reason in {"limit", "engine_failed", "engine_timeout"} for each in unscanned
    )
    return Structure(tuple(read), tuple(unscanned), is_partial)


def _until(deadline: Deadline, sources: Iterator[SourceFile]) -> Iterator[SourceFile]:
    for source in sources:
        if deadline.is_over:
            return
        yield source
