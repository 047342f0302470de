"""The gate (section 7 of the format page): whether a run's files are complete and consistent."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from apps.signals.artifacts.control import NodeHead, decode
from apps.signals.artifacts.findings import COUNT_MISMATCH, INCOMPLETE, TRUNCATED, Finding
from apps.signals.artifacts.listing import COMPLETE, Entry, list_run, scan_sha256
from apps.signals.artifacts.paths import PathEscape, opened
from apps.signals.artifacts.run import Declared, NodeFile, read_declared
from apps.signals.artifacts.scanning import Scanned, manifest_sha256, scan_file

LINE_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Look:
    """A run as a listing and its control files show it; nothing is read but these."""

    run: Path
    entries: Sequence[Entry]
    declared: Declared
    findings: tuple[Finding, ...]

    @property
    def scan_sha256(self) -> str:
        """Return the digest of names, sizes and times."""
        return scan_sha256(self.entries)

    @property
    def is_marked_complete(self) -> bool:
        """Tell whether the writer says that it has ended."""
        return any(entry.path == COMPLETE for entry in self.entries)

    @property
    def size_bytes(self) -> int:
        """Return how many bytes the run has."""
        return sum(entry.size_bytes for entry in self.entries)

    @property
    def blocking(self) -> list[Finding]:
        """Return what keeps the run from being loaded."""
        return [finding for finding in self.findings if finding.severity == "error"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the whole gate says. `files` are all files as they were read."""

    look: Look
    files: tuple[Scanned, ...]
    findings: tuple[Finding, ...]

    @property
    def passes(self) -> bool:
        """Tell whether the run may be loaded."""
        return not any(finding.severity == "error" for finding in self.findings)

    @property
    def is_permanent(self) -> bool:
        """Tell whether the run is rejected until its files change."""
        return any(finding.is_permanent for finding in self.findings)

    @property
    def manifest_sha256(self) -> str:
        """Return the digest of the run's content."""
        return manifest_sha256(self.files)


def look_at(run: Path, *, accept_validation: bool = False) -> Look:
    """List a run and read its control files; raises OSError if the folder is gone."""
    entries, findings = list_run(run)
    declared = read_declared(run, entries, accept_validation=accept_validation)
    return Look(run, entries, declared, (*findings, *declared.findings))


def judge(look: Look, tell: Callable[[int], None] = lambda _count: None) -> Verdict:
    """Read every file once and say whether the run passes; `tell` is called with the bytes of each block."""
    files: list[Scanned] = []
    findings = list(look.findings)
    for entry in look.entries:
        try:
            files.append(scan_file(look.run, entry, tell))
        except PathEscape as error:
            findings.append(Finding("gate.path_escape", str(error), entry.path))
        except OSError:
            findings.append(Finding(INCOMPLETE, "The file went away while it was read.", entry.path))
    findings.extend(_check_lines(look, {file.path: file for file in files}))
    return Verdict(look, tuple(files), tuple(findings))


def _check_lines(look: Look, files: dict[str, Scanned]) -> Iterator[Finding]:
    declared = look.declared
    loaded = [*(node.path for node in declared.nodes), *declared.contributions, *declared.expected_lines]
    for path in dict.fromkeys(loaded):
        file = files.get(path)
        if file is not None and not file.ends_with_newline and file.size_bytes:
            yield Finding(TRUNCATED, "The last line is cut.", path, file.lines + 1)
    for path, expected in declared.expected_lines.items():
        file = files.get(path)
        if file is not None and file.lines != expected:
            yield _mismatch(path, expected, file.lines)
    for node in declared.nodes:
        if node.path in files:
            yield from _check_node(look, node, files[node.path])


def _check_node(look: Look, node: NodeFile, file: Scanned) -> Iterator[Finding]:
    head = _read_head(look.run, node.path)
    if head is None or head.entity_results_count is None:
        yield Finding(INCOMPLETE, "Line 1 does not say how many entities follow.", node.path, 1)
    elif file.lines - 1 != int(head.entity_results_count):
        yield _mismatch(node.path, int(head.entity_results_count), file.lines - 1)


def _mismatch(path: str, expected: int, found: int) -> Finding:
    return Finding(COUNT_MISMATCH, f"{expected:,} rows are declared, {found:,} are there.", path)


def _read_head(run: Path, path: str) -> NodeHead | None:
    try:
        with opened(run, path) as stream:
            line = b""
            while b"\n" not in line and len(line) <= LINE_BYTES and (block := stream.read(1024 * 1024)):
                line += block
        head = decode(line.partition(b"\n")[0], NodeHead)
    except (OSError, ValueError, PathEscape, RecursionError):
        return None
    return head if head.type == "node_metadata" else None
