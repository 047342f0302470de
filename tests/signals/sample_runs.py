"""Reading runs for tests: lines of nodes, entities, and the figures of their methods."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings

from apps.signals.sampling.options import SampleOptions
from apps.signals.sampling.runs import SampleRun, make_sample_runs

SAMPLES = settings.BASE_DIR.parent / "shared" / "data" / "insight_graph" / "demo_graph"
# From here on all types occur, suppressed facets, gaps.
ENTITIES = 600
Line = dict[str, Any]


def made(root: Path, **options: Any) -> list[SampleRun]:
    """Make sample runs below a folder."""
    return list(make_sample_runs(SampleOptions(root, **{"entities": ENTITIES, **options})))


def json_lines(run: Path | str, path: str) -> Iterator[Line]:
    """Return the lines of a file of a run."""
    with (Path(run) / path).open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def document(run: Path | str, path: str) -> Any:
    """Return a JSON file of a run."""
    return json.loads((Path(run) / path).read_text(encoding="utf-8"))


def nodes(run: Path | str) -> list[str]:
    """Return the ids of the nodes that the index of a run has."""
    return [node["node_id"] for node in document(run, "results/index.json")["nodes"]]


def entities(run: Path | str, node: str) -> dict[tuple[str, ...], Line]:
    """Return the lines of a node by entity: facility, then the segment."""
    lines = json_lines(run, f"results/nodes/{node}.jsonl")
    next(lines)
    return {entity_of(line): line for line in lines}


def entity_of(line: Line) -> tuple[str, ...]:
    """Return facility and segments of a line."""
    return tuple(item["value"] for item in line["entity"])


def figures(line: Line) -> dict[str, Line]:
    """Return the `statistics` of a line by short name of the method."""
    return {
        item["statistical_method"].split("__")[1]: item["statistics"] for item in line["statistical_methods"]
    }


def value_of(line: Line) -> float | None:
    """Return the value of a line of an aggregate node."""
    found: float | None = line["metric"][0]["values"]
    return found
