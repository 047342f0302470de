"""Renames over a package of more than 11,000 lines: the analysis, with both engines in their processes.

What a caller waits for from POST to proposed is this and a few rows in the database.
"""

import hashlib
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from apps.projects.renaming.analysing import analyse
from apps.projects.renaming.values import SourceFile, Wish
from apps.projects.states import Bucket, RenameKind, RenameMode
from benchmarks.results import Goal, Row
from benchmarks.stage import Stage

TITLE = "Renames"
PACKAGE: Final = "click"
LINES_MIN: Final = 11_000
ROUNDS: Final = 5
SECONDS: Final = Goal(at_most=10)
# What, its dotted name, the new one: sites few and many.
RENAMES: Final = (
    ("a function", "click.utils.echo", "say"),
    ("a class", "click.core.Context", "Situation"),
    ("a method", "click.core.Context.invoke", "call_command"),
)


def run(stage: Stage) -> Sequence[Row]:
    """Analyse each rename some times; it fails unless the package is as large as was promised."""
    sources = package_sources(PACKAGE)
    lines = sum(source.content.count(b"\n") for source in sources)
    if lines < LINES_MIN:
        raise RuntimeError(f"{PACKAGE} has {lines} lines alone")
    rounds = 1 if stage.quick else ROUNDS
    rows = []
    for what, qualified_name, new_name in RENAMES:
        samples = [measure(stage, what, qualified_name, new_name, sources) for _ in range(rounds)]
        rows.append(Row(f"rename of {what} over {lines:,} lines", "s", samples, goals=(SECONDS,)))
    return rows


def measure(
    stage: Stage, what: str, qualified_name: str, new_name: str, sources: Sequence[SourceFile]
) -> float:
    """Return the seconds of one analysis; notes what it found."""
    wish = Wish(RenameKind.SYMBOL, RenameMode.SEMANTIC, new_name, qualified_name=qualified_name)
    began = time.monotonic()
    analysis = analyse(wish, sources)
    seconds = time.monotonic() - began
    buckets = [edit.bucket for file in analysis.files for edit in file.edits]
    note = f"{what}: {buckets.count(Bucket.CERTAIN)} certain, {buckets.count(Bucket.UNSURE)} unsure."
    if note not in stage.notes:
        stage.notes.append(note)
    return seconds


def package_sources(name: str) -> list[SourceFile]:
    """Return the Python files of an installed package."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise RuntimeError(f"{name} is not installed")
    root = Path(spec.origin).parent
    found = []
    for path in sorted(root.rglob("*.py")):
        content = path.read_bytes()
        blob = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        place = path.relative_to(root.parent).as_posix().encode()
        found.append(SourceFile(place, blob, "100644", content, "utf-8", "Python"))
    return found
