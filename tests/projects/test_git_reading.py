"""Objects and trees, read through git."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from apps.projects.errors import GitFailed
from apps.projects.git import readers
from apps.projects.git.layout import published_repository
from apps.projects.git.objects import open_objects
from apps.projects.git.processes import MEMORY_BYTES, READ_MEMORY_BYTES, open_git
from apps.projects.git.readers import borrow_objects
from apps.projects.git.trees import iter_tree
from tests.factories.projects import ProjectFactory, publish
from tests.projects.repositories import Blob, Repository

pytestmark = pytest.mark.django_db
# However busy the machine is; nobody waits so long where things are right.
PATIENCE_S = 60.0


def test_a_published_tree_is_listed_with_its_folders(make_repository: Callable[[str], Repository]) -> None:
    repository = make_repository("remote")
    commit = repository.commit({"a.py": "x = 1\n", "b/c.txt": "text", "link": Blob(b"a.py", "120000")})
    folder = published_repository(publish(ProjectFactory.create(), repository))
    entries = list(iter_tree(folder, commit, is_recursive=True))
    assert [(entry.mode, entry.path, entry.size_bytes) for entry in entries] == [
        ("100644", b"a.py", 6),
        ("040000", b"b", None),
        ("100644", b"b/c.txt", 4),
        ("120000", b"link", 4),
    ]
    assert [entry.path for entry in iter_tree(folder, commit, path=b"b")] == [b"b/c.txt"]


def test_objects_are_read_one_after_the_other(make_repository: Callable[[str], Repository]) -> None:
    repository = make_repository("remote")
    repository.commit({"a": b"\0\nbytes\n", "b": b"x" * 1_000_000})
    folder = published_repository(publish(ProjectFactory.create(), repository))
    head = repository.tip("main")
    with open_objects(folder) as objects:
        header = objects.header(f"{head}:b")
        assert header is not None
        assert (header.type, header.size_bytes) == ("blob", 1_000_000)
        assert objects.contents(f"{head}:a", max_bytes=100) == b"\0\nbytes\n"
        assert b"".join(objects.pieces(header.oid)) == b"x" * 1_000_000
        assert objects.header("f" * 40) is None
        with pytest.raises(GitFailed):
            objects.contents(header.oid, max_bytes=999_999)


@pytest.fixture
def folder(make_repository: Callable[[str], Repository]) -> Iterator[Path]:
    """Give a repository of which nobody has read yet."""
    repository = make_repository("remote")
    repository.commit({"a": "1", "b": "x" * 1_000_000})
    readers.READERS.end_all()
    yield repository.folder
    readers.READERS.end_all()


def borrowed_pid(folder: Path) -> int:
    """Return the process that answers a read."""
    with borrow_objects(folder) as objects:
        assert objects.contents("main:a", max_bytes=1) == b"1"
    return readers.READERS.waiting()[-1].process.pid


def test_the_git_of_one_read_serves_the_next(folder: Path) -> None:
    assert borrowed_pid(folder) == borrowed_pid(folder)


def test_two_reads_at_once_never_share_a_git(folder: Path) -> None:
    with borrow_objects(folder) as one, borrow_objects(folder) as other:
        assert one is not other
        assert one.header("main:a") == other.header("main:a")
    assert len(readers.READERS.waiting()) == 2


def test_a_git_that_was_left_in_mid_answer_or_has_died_answers_nobody_else(folder: Path) -> None:
    first = borrowed_pid(folder)
    with borrow_objects(folder) as objects:
        assert next(objects.pieces("main:b"))
    second = borrowed_pid(folder)
    with pytest.raises(GitFailed), borrow_objects(folder) as objects:
        objects.contents("main:b", max_bytes=1)
    third = borrowed_pid(folder)
    os.kill(third, signal.SIGKILL)
    os.waitid(os.P_PID, third, os.WEXITED | os.WNOWAIT)
    assert len({first, second, third, borrowed_pid(folder)}) == 4


def test_few_gits_wait_and_not_for_long(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ExitStack() as stack:
        for _ in range(readers.KEPT_MAX + 2):
            stack.enter_context(borrow_objects(folder))
    assert len(readers.READERS.waiting()) == readers.KEPT_MAX
    readers.READERS.end_all()  # whoever waits until those are old must notice that others wait now
    monkeypatch.setattr(readers, "IDLE_S", 0.05)
    with borrow_objects(folder), borrow_objects(folder):
        pass
    for waiting in readers.READERS.waiting():
        waiting.process.wait(PATIENCE_S)
    assert readers.READERS.waiting() == []


def memory_of(pid: int) -> int:
    limits = Path(f"/proc/{pid}/limits").read_text()
    return int(next(line.split()[3] for line in limits.splitlines() if line.startswith("Max data size")))


def test_a_git_that_reads_what_strangers_packed_has_bounded_memory(folder: Path) -> None:
    assert memory_of(borrowed_pid(folder)) == READ_MEMORY_BYTES
    with open_git(folder, "cat-file", "--batch") as process:
        assert memory_of(process.pid) == MEMORY_BYTES


def test_a_git_that_is_left_with_requests_half_sent_is_ended(folder: Path) -> None:
    with open_git(folder, "cat-file", "--batch") as process:
        requests, answers = process.stdin, process.stdout
        assert requests is not None
        assert answers is not None
        requests.write(b"main:b\n")
        requests.flush()
        assert answers.read(1)
        os.set_blocking(requests.fileno(), False)
        # Nobody reads the rest of its answer, so git takes no more: soon requests stay in our buffer.
        with suppress(BlockingIOError):
            while True:
                requests.write(b"main:b\n" * 100)
        os.set_blocking(requests.fileno(), True)
        rescue = threading.Timer(PATIENCE_S, process.kill)
        rescue.start()
    is_rescued = not rescue.is_alive()
    rescue.cancel()
    assert not is_rescued
    assert process.returncode == -signal.SIGKILL
