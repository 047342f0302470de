"""Facts of blobs: those that are kept, and those that are learnt now and kept for the next build."""

import fcntl
import uuid
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import IO, Final

from apps.projects.errors import GitFailed
from apps.projects.git.processes import open_git
from apps.projects.manifests.facts import FactScan, facts_of, text_of
from apps.projects.manifests.kept import keep_facts, kept_facts
from apps.projects.manifests.scanners import SCAN_MAX_BYTES, symbols_digest
from apps.projects.manifests.values import Facts

# Languages with a scanner that a blob's names say, together with its first line.
LanguagesOf = Callable[[str, str], frozenset[str]]

BATCH_BLOBS: Final = 2_000
BATCH_BYTES: Final = 64 * 1024**2
PIECE_BYTES: Final = 1024**2


def facts_of_blobs(
    organization_id: uuid.UUID,
    repository: Path,
    blobs: Sequence[str],
    languages_of: LanguagesOf,
    beat: Callable[[], object],
) -> dict[str, Facts]:
    """Return the facts of all blobs; what is new is read from the repository and kept.

    Raises GitFailed where a blob is missing.
    """
    known = kept_facts(organization_id, blobs)
    missing = [blob for blob in blobs if not _is_enough(known.get(blob), blob, languages_of)]
    learnt: dict[str, Facts] = {}
    size_bytes = 0
    with closing(read_facts(repository, missing, languages_of, beat)) as found:
        for blob, facts in found:
            learnt[blob] = facts
            size_bytes += facts.size_bytes
            if len(learnt) >= BATCH_BLOBS or size_bytes >= BATCH_BYTES:
                keep_facts(organization_id, learnt)
                known |= learnt
                learnt, size_bytes = {}, 0
                beat()
    keep_facts(organization_id, learnt)
    return known | learnt


def read_facts(
    repository: Path, blobs: Sequence[str], languages_of: LanguagesOf, beat: Callable[[], object]
) -> Generator[tuple[str, Facts], None, None]:
    """Yield the facts of blobs in the given order, read through one git; raises GitFailed for a missing one.

    Requests are written by a thread of their own: whoever waits for each answer before the next request
    waits longer than git works.
    """
    if not blobs:
        return
    with open_git(repository, "cat-file", "--batch", "--buffer") as process:
        assert process.stdin is not None  # noqa: S101 - open_git always gives pipes
        assert process.stdout is not None  # noqa: S101
        writer = Thread(target=_ask, args=(process.stdin, blobs), daemon=True)
        writer.start()
        try:
            with _widened(process.stdout) as answers:
                for blob in blobs:
                    size_bytes = _size_of(answers.readline())
                    yield blob, _learn(answers, blob, size_bytes, languages_of, beat)
                    answers.read(1)  # the line end after the object
        finally:
            # Whoever gives up leaves git waiting for its reader and the thread waiting for git: without an
            # end to git nobody could close the pipe that the thread writes to.
            process.kill()
            writer.join()


def _widened(answers: IO[bytes]) -> IO[bytes]:
    """Return a pipe with room for many small objects: else two processes wake each other for every few KB."""
    with suppress(OSError):  # the user's share of pipe memory is used up: slower, and as good
        fcntl.fcntl(answers.fileno(), fcntl.F_SETPIPE_SZ, PIECE_BYTES)
    return open(answers.fileno(), "rb", buffering=PIECE_BYTES, closefd=False)


def _ask(requests: IO[bytes], blobs: Iterable[str]) -> None:
    with suppress(BrokenPipeError, ValueError):  # the reader gave up, and git is gone
        requests.write("".join(f"{blob}\n" for blob in blobs).encode())
        requests.close()


def _size_of(header: bytes) -> int:
    parts = header.split()
    if len(parts) != 3 or parts[1] != b"blob":  # noqa: PLR2004 - id, type, size; else `<id> missing`
        raise GitFailed("An object is missing.")
    return int(parts[2])


def _learn(
    answers: IO[bytes], blob: str, size_bytes: int, languages_of: LanguagesOf, beat: Callable[[], object]
) -> Facts:
    if size_bytes > SCAN_MAX_BYTES:
        return _learn_in_pieces(answers, size_bytes, beat)
    content = answers.read(size_bytes)
    if len(content) != size_bytes:
        raise GitFailed("git ended in the middle of an object.")
    facts = facts_of(content)
    if facts.is_binary:
        return facts
    languages = languages_of(blob, facts.shebang)
    if not languages:
        return facts
    is_plain = facts.encoding in {"ascii", "utf-8", "unknown-8bit"}
    text = content if is_plain else text_of(content, facts).encode()
    return replace(facts, symbols={language: symbols_digest(language, text) for language in languages})


def _learn_in_pieces(answers: IO[bytes], size_bytes: int, beat: Callable[[], object]) -> Facts:
    scan = FactScan()
    left = size_bytes
    while left:
        piece = answers.read(min(left, PIECE_BYTES))
        if not piece:
            raise GitFailed("git ended in the middle of an object.")
        scan.feed(piece)
        left -= len(piece)
        if left % BATCH_BYTES < PIECE_BYTES:
            beat()
    return scan.facts()


def _is_enough(facts: Facts | None, blob: str, languages_of: LanguagesOf) -> bool:
    """Tell whether kept facts say all that the blob's names ask for."""
    if facts is None:
        return False
    if facts.is_binary or facts.size_bytes > SCAN_MAX_BYTES:
        return True
    return languages_of(blob, facts.shebang) <= facts.symbols.keys()
