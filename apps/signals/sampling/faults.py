"""Faults that are put into the files of a finished run; the others are part of its content."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import orjson

from apps.signals.sampling.graph import Graph
from apps.signals.sampling.options import Fault, RunPlan
from apps.signals.sampling.writing import RunFolder

BOM: Final = b"\xef\xbb\xbf"
Lines = Iterator[bytes]


def spoil(folder: RunFolder, plan: RunPlan, graph: Graph) -> None:
    """Put the faults of the plan into the files, each into a node file of its own where there are enough."""
    paths = [f"results/nodes/{node.id}.jsonl" for node in graph.nodes]
    aggregates = [f"results/nodes/{node.id}.jsonl" for node in graph.nodes if not node.temporal]
    for fault, (among, place) in _PLACES.items():
        if fault in plan.faults:
            chosen = {"all": paths, "aggregate": aggregates}[among]
            _rewrite(folder, chosen[place], _CHANGES[fault])
    # The last ones: what they leave behind cannot be read line by line.
    if Fault.TRUNCATED_LINE in plan.faults:
        _cut_last_line(folder, paths[-1])
    if Fault.MISSING_FILE in plan.faults:
        folder.remove(paths[-2])


def _rewrite(folder: RunFolder, path: str, change: Callable[[Lines], Lines]) -> None:
    with (folder.root / path).open("rb") as lines:
        folder.replace(path, change(lines))


def _cut_last_line(folder: RunFolder, path: str) -> None:
    """Leave half of the last line, without its end, as a writer that still writes does."""
    file = folder.root / path
    file_bytes = file.stat().st_size
    with file.open("r+b") as content:
        content.truncate(file_bytes - _last_line_bytes(file) // 2)
    folder.count_again(path)


def _last_line_bytes(file: Path) -> int:
    with file.open("rb") as lines:
        return len(deque(lines, maxlen=1)[0])


def _with_count(line: bytes, more: int) -> bytes:
    metadata = orjson.loads(line)
    metadata["entity_results_count"] += more
    return orjson.dumps(metadata, option=orjson.OPT_APPEND_NEWLINE)


def _count_one_more(lines: Lines) -> Lines:
    yield _with_count(next(lines), 1)
    yield from lines


def _first_entity_twice(lines: Lines) -> Lines:
    """Repeat the first entity at the end, with a value that gives away who reads the wrong line."""
    yield _with_count(next(lines), 1)
    first = next(lines)
    yield first
    yield from lines
    again = orjson.loads(first)
    again["metric"][0]["values"] = 999999.0
    yield orjson.dumps(again, option=orjson.OPT_APPEND_NEWLINE)


def _nan_for_null(lines: Lines) -> Lines:
    """Write NaN and Infinity for the nulls of one entity, and a column of NaN: all are read as nulls."""
    done = False
    yield next(lines)
    yield next(lines).replace(b'"metadata":{"enc', b'"metadata":{"caseMix":NaN,"enc')
    for line in lines:
        if not done and b'"values":null' in line:
            done = True
            changed = line.replace(b'"values":null', b'"values":NaN')
            yield changed.replace(b'"simple_zscore":null', b'"simple_zscore":-Infinity')
        else:
            yield line


def _nul_in_name(lines: Lines) -> Lines:
    yield next(lines)
    yield next(lines).replace(b'"facility":"', b'"facility":"\\u0000')
    yield from lines


def _bom(lines: Lines) -> Lines:
    yield BOM + next(lines)
    yield from lines


_CHANGES: Final[Mapping[Fault, Callable[[Lines], Lines]]] = {
    Fault.COUNT_MISMATCH: _count_one_more,
    Fault.DUPLICATE_ENTITY: _first_entity_twice,
    Fault.NAN: _nan_for_null,
    Fault.NUL: _nul_in_name,
    Fault.BOM: _bom,
}
# The file each one goes into: which nodes, and which of them.
_PLACES: Final[Mapping[Fault, tuple[str, int]]] = {
    Fault.COUNT_MISMATCH: ("all", 1),
    Fault.DUPLICATE_ENTITY: ("aggregate", 0),
    Fault.NAN: ("aggregate", -1),
    Fault.NUL: ("aggregate", 0),
    Fault.BOM: ("all", 0),
}
