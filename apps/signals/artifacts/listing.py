"""What lies in a run's folder, and what each file is for (section 1 of the format page)."""

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from apps.signals.artifacts.findings import INCOMPLETE, PATH_ESCAPE, Finding
from apps.signals.artifacts.paths import PATH_CHARS, PathEscape, refuse_odd, refuse_outside

MANIFEST: Final = "run_manifest.json"
SEMANTIC: Final = "run_manifest.semantic.json"
BUNDLE: Final = "metadata_bundle.json"
GRAPH: Final = "graph.json"
VALIDATION: Final = "validation_report.json"
COMPLETE: Final = "_COMPLETE"
INDEX: Final = "results/index.json"
CLASSIFICATIONS: Final = "analysis/classification/classifications.jsonl"
CLASSIFICATION_INDEX: Final = "analysis/classification/index.json"
CONTRIBUTION_FOLDER: Final = "analysis/contribution"
CONTRIBUTION_INDEX: Final = "analysis/contribution/index.json"
MODELING_RUNS: Final = "modeling/run_summary.json"
EXPERIMENTS: Final = "modeling/experiments.json"
SHAP_FOLDER: Final = "modeling/shap"

# Roles of files that lie at fixed places; the documents among them go to raw_documents under this name.
DOCUMENTS: Final = {
    MANIFEST: "run_manifest",
    SEMANTIC: "semantic_manifest",
    BUNDLE: "metadata_bundle",
    GRAPH: "graph",
    VALIDATION: "validation_report",
    INDEX: "results_index",
    CLASSIFICATION_INDEX: "classification_index",
    "analysis/classification/manifest.json": "classification_manifest",
    CONTRIBUTION_INDEX: "contribution_index",
}
PLACES: Final = DOCUMENTS | {
    COMPLETE: "complete_marker",
    CLASSIFICATIONS: "classifications",
    "analysis/classification/classification_summary.csv": "classification_summary",
    MODELING_RUNS: "modeling_runs",
    EXPERIMENTS: "modeling_experiments",
}
PATTERNS: Final = (
    (re.compile(r"results/nodes/[^/]+\.jsonl"), "node_results"),
    (re.compile(r"results/nodes/[^/]+\.json"), "legacy_node_results"),
    (re.compile(r"analysis/contribution/[^/]+\.jsonl"), "contributions"),
    (re.compile(r"analysis/narrative/contribution_.+\.md"), "narrative"),
    (re.compile(r"modeling/shap/.+\.csv"), "shap"),
    (re.compile(r"(nodes|edges|defaults)/.+\.ya?ml"), "definition"),
    (re.compile(r"graphviz/.+"), "picture"),
)
FILES_MAX: Final = 100_000
DEPTH_MAX: Final = 16


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a run: its path in the folder, what it is for, its size and when it was changed."""

    path: str
    role: str
    size_bytes: int
    changed_ns: int


def role_of(path: str) -> str:
    """Return what the file at a path is for."""
    found = PLACES.get(path)
    return found or next((role for pattern, role in PATTERNS if pattern.fullmatch(path)), "other")


def list_run(run: Path) -> tuple[list[Entry], list[Finding]]:
    """Return a run's regular files by path, and what is wrong with others."""
    entries: list[Entry] = []
    findings: list[Finding] = []
    for path in _walk(run, "", 0):
        if len(entries) >= FILES_MAX:
            findings.append(Finding(INCOMPLETE, f"The run has more than {FILES_MAX:,} files."))
            break
        try:
            entry = _entry(run, path)
        except PathEscape as error:
            findings.append(Finding(PATH_ESCAPE, str(error), path[:PATH_CHARS]))
        except OSError:
            findings.append(Finding(INCOMPLETE, "The file cannot be looked at.", path[:PATH_CHARS]))
        else:
            entries.extend([entry] if entry else [])
    return sorted(entries, key=lambda entry: entry.path), findings


def _walk(run: Path, folder: str, depth: int) -> Iterator[str]:
    """Yield paths of what is no folder; links to folders are yielded, not followed."""
    with os.scandir(run / folder) as found:
        children = sorted(found, key=lambda child: child.name)
    for child in children:
        path = f"{folder}/{child.name}" if folder else child.name
        if child.is_dir(follow_symlinks=False):
            if depth < DEPTH_MAX:
                yield from _walk(run, path, depth + 1)
        else:
            yield path


def _entry(run: Path, path: str) -> Entry | None:
    refuse_odd(path)
    refuse_outside(run, path)
    found = (run / path).stat()
    if not stat.S_ISREG(found.st_mode):
        return None
    return Entry(path, role_of(path), found.st_size, found.st_mtime_ns)


def scan_sha256(entries: Sequence[Entry]) -> str:
    """Return a digest of names, sizes and times: two equal ones say that writing has ended."""
    digest = hashlib.sha256()
    for entry in entries:
        if entry.path != COMPLETE:
            digest.update(f"{entry.path}\0{entry.size_bytes}\0{entry.changed_ns}\n".encode())
    return digest.hexdigest()
