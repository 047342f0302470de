"""Tables of results: as text, as JSON, and as a section of RESULTS.md."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from benchmarks.results import Row, spread

RESULTS = Path(__file__).with_name("RESULTS.md")
VERSIONS_OF = ("Django", "uvicorn", "channels", "channels-redis", "psycopg")


def table(rows: Sequence[Row]) -> str:
    """Return a Markdown table with a column for each peer of any row."""
    peers = list(dict.fromkeys(peer for row in rows for peer in row.peers))
    head = ["what", "unit", "Sextant", *peers, "promised"]
    lines = [head, ["---"] * len(head)]
    for row in rows:
        cells = [spread(row.peers[peer]) if peer in row.peers else "" for peer in peers]
        promised = "; ".join(row.verdict(goal) for goal in row.goals)
        lines.append([row.what, row.unit, spread(row.ours), *cells, promised])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def as_json(tables: Mapping[str, Sequence[Row]]) -> str:
    """Return all tables as one JSON document."""
    return json.dumps({name: [row.as_json() for row in rows] for name, rows in tables.items()}, indent=2)


def append(title: str, rows: Sequence[Row], notes: Sequence[str], *, quick: bool) -> None:
    """Add a section to RESULTS.md: date, commit, machine, versions, the table and what hindered it."""
    kind = " (quick: no figure to quote)" if quick else ""
    section = [
        f"\n## {title}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC{kind}\n",
        f"Commit {commit()}; {machine()}; {versions()}. Median of the rounds (minimum to maximum).\n",
        table(rows),
        *[f"\n{note}" for note in notes],
    ]
    with RESULTS.open("a") as results:
        results.write("\n".join(section) + "\n")


def commit() -> str:
    """Return the short name of the commit, marked if files differ from it."""
    command = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(command, cwd=RESULTS.parent, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def machine() -> str:
    """Describe the machine without naming it: cores, their kind, the load before the run."""
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores {platform.machine()}, load {os.getloadavg()[0]:.1f} when written"


def versions() -> str:
    """Return the versions that matter to a figure."""
    found = [f"Python {platform.python_version()}"]
    found += [f"{name} {metadata.version(name)}" for name in VERSIONS_OF]
    return ", ".join(found)
