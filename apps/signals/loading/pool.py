"""Two processes that load files side by side, the largest first."""

import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, Any, Final, cast

import msgspec
import psycopg
from django.conf import settings
from django.db import connection

from apps.common.errors import Invalid
from apps.common.jobs import Transient
from apps.signals.loading.copying_process import Answer, Assignment, Broken, Done, Progress, attempt
from apps.signals.loading.plan import FileTask, Loaded, Target

# Below this the processes would take longer to start than to load.
ALONE_BYTES: Final = 8 * 1024 * 1024
WAIT_S: Final = 0.25
KEPT_PARAMETERS: Final = ("host", "port", "user", "password", "dbname", "sslmode", "sslrootcert", "passfile")


class FileUnreadable(Invalid):
    """A file of the run cannot be loaded."""

    code = "signals.file_unreadable"


def load_files(
    target: Target, tasks: Sequence[FileTask], tell: Callable[[int, str], None]
) -> Iterator[Loaded]:
    """Load files and yield what became of each, as they end.

    `tell` is called at least four times a second with the bytes read since the last call and the path of a
    file at work; it may raise. Raises FileUnreadable, Transient.
    """
    processes = min(settings.SIGNALS_LOAD_PROCESSES, len(tasks))
    if processes > 1 and sum(task.size_bytes for task in tasks) > ALONE_BYTES:
        yield from _side_by_side(target, tasks, tell, processes)
    else:
        yield from _here(target, tasks, tell)


def connection_parameters() -> dict[str, Any]:
    """Return how to open a connection of one's own to the database."""
    given = connection.get_connection_params()
    return {name: given[name] for name in KEPT_PARAMETERS if given.get(name)}


def _here(target: Target, tasks: Sequence[FileTask], tell: Callable[[int, str], None]) -> Iterator[Loaded]:
    with psycopg.connect(**connection_parameters(), autocommit=True) as own:
        for task in tasks:

            def tell_bytes(count: int, path: str = task.path) -> None:
                tell(count, path)

            yield _loaded(attempt(own, target, task, tell_bytes))


def _side_by_side(
    target: Target, tasks: Sequence[FileTask], tell: Callable[[int, str], None], processes: int
) -> Iterator[Loaded]:
    waiting = list(reversed(tasks))
    with _started(processes, Assignment(connection_parameters(), target)) as workers:
        answers: queue.Queue[tuple[_Worker, Answer | None]] = queue.Queue()
        for worker in workers:
            worker.follow(answers)
            worker.give(waiting.pop())
        at_work = len(workers)
        while at_work:
            try:
                worker, answer = answers.get(timeout=WAIT_S)
            except queue.Empty:
                tell(0, workers[0].path)
                continue
            if isinstance(answer, Progress):
                tell(answer.size_bytes, worker.path)
                worker.told_bytes += answer.size_bytes
                continue
            # None: the process has ended in the middle of its work.
            loaded = _loaded(
                answer or Broken(worker.path, "The process that loaded it died.", is_passing=True)
            )
            tell(loaded.size_bytes - worker.told_bytes, worker.path)
            yield loaded
            if waiting:
                worker.give(waiting.pop())
            else:
                at_work -= 1


def _loaded(answer: Done | Broken) -> Loaded:
    if isinstance(answer, Done):
        return answer.loaded
    text = f"{answer.path}: {answer.reason}"
    raise Transient(text) if answer.is_passing else FileUnreadable(text)


class _Worker:
    """One process and the file that it is at."""

    def __init__(self, assignment: Assignment) -> None:
        self.path = ""
        self.told_bytes = 0
        self._follower: threading.Thread | None = None
        self.process = subprocess.Popen(
            [sys.executable, "-m", "apps.signals.loading.copying_process"],
            cwd=settings.BASE_DIR,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        # Both are pipes, as asked for above.
        self._in = cast("IO[bytes]", self.process.stdin)
        self._out = cast("IO[bytes]", self.process.stdout)
        self._send(msgspec.json.encode(assignment))

    def give(self, task: FileTask) -> None:
        self.path = task.path
        self.told_bytes = 0
        self._send(msgspec.json.encode(task))

    def _send(self, line: bytes) -> None:
        try:
            self._in.write(line + b"\n")
            self._in.flush()
        except BrokenPipeError as error:
            raise Transient("The process that loads files died.") from error

    def follow(self, answers: "queue.Queue[tuple[_Worker, Answer | None]]") -> None:
        """Put each answer into the queue, None when there will be no more."""
        self._follower = threading.Thread(target=self._follow, args=(answers,), daemon=True)
        self._follower.start()

    def end(self) -> None:
        """Kill the process, whatever it is at, and leave nothing open."""
        self.process.kill()
        self.process.wait()
        if self._follower is not None:
            self._follower.join()
        with suppress(BrokenPipeError):
            self._in.close()
        self._out.close()

    def _follow(self, answers: "queue.Queue[tuple[_Worker, Answer | None]]") -> None:
        decode = msgspec.json.Decoder(Answer).decode
        for line in self._out:
            answers.put((self, decode(line)))
        answers.put((self, None))


@contextmanager
def _started(count: int, assignment: Assignment) -> Iterator[list[_Worker]]:
    workers: list[_Worker] = []
    try:
        for _number in range(count):
            workers.append(_Worker(assignment))
        yield workers
    finally:
        for worker in workers:
            worker.end()
