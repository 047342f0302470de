"""Files read in children: a child that dies is run again without the file that killed it."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from apps.projects.analysis.isolated import EngineFailed, EngineLimits, EngineTimeout, run_isolated
from apps.projects.analysis.scanning import LENGTH_BYTES, RECORDS
from apps.projects.analysis.values import FileFacts, SourceFile

CHILD: Final = "apps.projects.analysis.scanning"
BATCH_BYTES: Final = 8 * 1024 * 1024
BATCH_FILES: Final = 500
LIMITS: Final = EngineLimits(memory_bytes=2 * 1024**3, cpu_s=120, wall_s=180.0)

Found = tuple[SourceFile, FileFacts]


def scan_files(
    files: Iterable[SourceFile], *, beat: Callable[[], None], is_over: Callable[[], bool] = lambda: False
) -> Iterator[Found]:
    """Yield each file with its facts, in order; `beat` is called between batches.

    Once `is_over` says so no child is started any more, and the rest is not yielded. A file at which the
    child dies is `unscanned`: engine_failed, or engine_timeout if it ran out of time.
    """
    for batch in _batches(files):
        yield from _scan_batch(batch, is_over)
        beat()


def _batches(files: Iterable[SourceFile]) -> Iterator[list[SourceFile]]:
    batch: list[SourceFile] = []
    size_bytes = 0
    for file in files:
        if batch and (size_bytes + len(file.content) > BATCH_BYTES or len(batch) == BATCH_FILES):
            yield batch
            batch, size_bytes = [], 0
        batch.append(file)
        size_bytes += len(file.content)
    if batch:
        yield batch


def _scan_batch(batch: Sequence[SourceFile], is_over: Callable[[], bool]) -> Iterator[Found]:
    left = list(batch)
    while left and not is_over():
        facts, reason = _run(left)
        yield from zip(left, facts, strict=False)
        if len(facts) == len(left):
            return
        # The first one without facts was being read when the child died.
        yield left[len(facts)], FileFacts(unscanned=reason)
        left = left[len(facts) + 1 :]


def _run(files: Sequence[SourceFile]) -> tuple[list[FileFacts], str]:
    """Return the facts of the files that a child came to, and how it ended."""
    with tempfile.TemporaryDirectory(prefix="scan-") as name:
        folder = Path(name)
        reason = "engine_failed"
        try:
            run_isolated(CHILD, msgspec.msgpack.encode(files), folder=folder, limits=LIMITS)
        except EngineTimeout:
            reason = "engine_timeout"
        except EngineFailed:
            pass
        return list(_records(folder / RECORDS))[: len(files)], reason


def _records(path: Path) -> Iterator[FileFacts]:
    """Yield the whole records of a file; a child may have died in the middle of the last."""
    content = path.read_bytes() if path.is_file() else b""
    decoder = msgspec.msgpack.Decoder(FileFacts)
    at = 0
    while at + LENGTH_BYTES <= len(content):
        end = at + LENGTH_BYTES + int.from_bytes(content[at : at + LENGTH_BYTES], "big")
        if end > len(content):
            return
        yield decoder.decode(content[at + LENGTH_BYTES : end])
        at = end
