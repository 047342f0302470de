"""What git runs under: its environment, its limits, and what becomes of a run whose git dies or dawdles."""

import io
import os
import shutil
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from billiard.exceptions import SoftTimeLimitExceeded
from pytest_django.fixtures import Settings

from apps.common.db import JobStatus
from apps.projects.git import remotes
from apps.projects.git.failures import RepoTooLarge, RepoUnreachable
from apps.projects.git.layout import published_repository
from apps.projects.git.processes import run_git
from apps.projects.git.remotes import REFS_MAX, parse_listing
from apps.projects.mirroring.generations import PACKS_MAX, packs_of, repack
from apps.projects.models import File, MirrorRun, Ref
from tests.projects.mirroring.conftest import Linked
from tests.projects.mirroring.remotes import GitBackend
from tests.projects.repositories import Repository

Http = tuple[int, type[GitBackend]]
# However busy the machine is; nobody waits so long where things are right.
PATIENCE_S = 60.0
# All that git's programs may have in their environment: what is set for it, and what it sets itself.
ALLOWED = {
    "PATH", "HOME", "LANG", "LC_ALL", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_GLOBAL", "GIT_ATTR_NOSYSTEM",
    "GIT_TERMINAL_PROMPT", "GIT_ALLOW_PROTOCOL", "GIT_PROTOCOL_FROM_USER", "GIT_NO_LAZY_FETCH",
    "GIT_NO_REPLACE_OBJECTS", "GIT_LFS_SKIP_SMUDGE", "GIT_OPTIONAL_LOCKS", "GIT_ASKPASS",
    "GIT_CONFIG_PARAMETERS", "GIT_DIR", "GIT_PREFIX", "GIT_EXEC_PATH", "GIT_PAGER", "PWD",
}  # fmt: skip


def git_processes(word: str) -> list[Path]:
    """Return the places in /proc of programs, other than this one's, whose command line holds a word."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if word.encode() in (folder / "cmdline").read_bytes() and folder.name != str(os.getpid()):
                found.append(folder)
    return found


def fetching_processes(word: str) -> list[Path]:
    """Return those of them that fetch: a first clone asks at the same time what there is."""
    found, groups = git_processes(word), set()
    for folder in found:
        with suppress(OSError):
            if b"\0fetch\0" in (folder / "cmdline").read_bytes():
                groups.add(os.getpgid(int(folder.name)))
    return [folder for folder in found if _group_of(folder) in groups]


def _group_of(folder: Path) -> int | None:
    with suppress(OSError):
        return os.getpgid(int(folder.name))
    return None


def over_http(http: Http, remote: Repository) -> str:
    return f"http://127.0.0.1:{http[0]}/{remote.folder.name}"


def in_next_fetch(http: Http, act: Callable[[], object]) -> None:
    http[1].in_fetch = staticmethod(act)


def test_git_has_nothing_of_this_process_and_bounded_means(
    linked: Linked, remote: Repository, http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_ASKPASS", "/bin/false")
    monkeypatch.setenv("GIT_SSH_COMMAND", "/bin/false")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    remote.commit({"a": "1"})
    given: dict[str, str] = {}
    limits: list[str] = []
    niceness: list[int] = []

    def look() -> None:
        for folder in fetching_processes(remote.folder.name):
            lines = (folder / "environ").read_text().split("\0")
            given.update((name, value) for name, _, value in (line.partition("=") for line in lines if line))
            limits.append((folder / "limits").read_text())
            niceness.append(os.getpriority(os.PRIO_PROCESS, int(folder.name)))

    run = linked.queue(over_http(http, remote))
    in_next_fetch(http, look)
    assert linked.run(run).status == "succeeded"
    assert given
    assert given.keys() <= ALLOWED
    # Nor what lies at somebody's home: a .netrc there would give its passwords to hosts that users name.
    assert list(Path(given["HOME"]).glob("*")) == []
    bounds = {line[:26].strip(): line[26:].split()[0] for line in limits[-1].splitlines()[1:]}
    assert bounds["Max file size"] == str(500 * 1024**2)
    assert bounds["Max address space"] == str(4 * 1024**3)
    assert (bounds["Max cpu time"], bounds["Max open files"]) == ("1800", "256")
    assert max(niceness) >= 10


def test_git_that_dies_by_a_signal_is_tried_again(linked: Linked, remote: Repository, http: Http) -> None:
    remote.commit({"a": "1"})
    run = linked.queue(over_http(http, remote))

    def kill_git() -> None:
        for folder in fetching_processes(remote.folder.name):
            if b"limited.py" not in (folder / "cmdline").read_bytes():
                os.kill(int(folder.name), signal.SIGSEGV)

    in_next_fetch(http, kill_git)
    again = linked.run(run)
    assert (again.status, again.attempt) == ("queued", 1)
    assert again.run_after is not None
    MirrorRun.objects.update(run_after=None, attempt=2)
    in_next_fetch(http, kill_git)
    failed = linked.run(run)
    assert (failed.status, failed.error_code) == ("failed", "projects.git_failed")


def test_a_clone_that_takes_too_long_gets_more_time_once_on_the_slow_queue(
    linked: Linked, remote: Repository, http: Http, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PROJECTS_SYNC_TIMEOUT_S = 0
    monkeypatch.setattr(remotes, "LOOK_EVERY_S", 0.05)
    remote.commit({"a": "1"})
    run = linked.queue(over_http(http, remote))
    may_answer = threading.Event()
    in_next_fetch(http, lambda: may_answer.wait(PATIENCE_S))
    slow = linked.run(run)
    may_answer.set()
    assert (slow.status, slow.queue) == (JobStatus.QUEUED, "low_priority")
    assert not git_processes(remote.folder.name)
    MirrorRun.objects.update(run_after=None)
    assert linked.run(run).status == "succeeded"


def test_a_clone_whose_job_runs_out_of_time_gets_more_of_it_too(
    linked: Linked, remote: Repository, http: Http
) -> None:
    remote.commit({"a": "1"})
    run = linked.queue(over_http(http, remote))
    in_next_fetch(http, lambda: os.kill(os.getpid(), signal.SIGUSR1))
    before = signal.signal(signal.SIGUSR1, run_out_of_time)
    try:
        slow = linked.run(run)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert (slow.status, slow.queue) == (JobStatus.QUEUED, "low_priority")
    MirrorRun.objects.update(run_after=None)
    assert linked.run(run).status == "succeeded"


def run_out_of_time(*_: object) -> None:
    """Do as the worker when a job's time is over."""
    raise SoftTimeLimitExceeded


def test_a_remote_that_sends_too_slowly_is_unreachable_and_nothing_of_the_copy_is_doubted(
    linked: Linked, remote: Repository, http: Http, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remotes, "LOOK_EVERY_S", 0.05)
    head = remote.commit({"a": "1"})
    linked.link(over_http(http, remote))
    remote.commit({"a": "2"})
    before = MirrorRun.objects.filter(kind="verify").count()
    may_answer = threading.Event()
    in_next_fetch(http, lambda: may_answer.wait(PATIENCE_S))
    settings.PROJECTS_SYNC_TIMEOUT_S = 0
    run = linked.sync()
    may_answer.set()
    assert (run.status, run.error_code) == ("failed", RepoUnreachable.code)
    assert "longer" in linked.mirror.error_cause
    assert (linked.mirror.head_commit, linked.mirror.state) == (head, "active")
    assert MirrorRun.objects.filter(kind="verify").count() == before


def test_too_many_refs_are_refused_and_other_namespaces_do_not_count() -> None:
    oid = "1" * 40
    pulls = "".join(f"{oid}\trefs/pull/{number}/head\n" for number in range(REFS_MAX + 1))
    listed = parse_listing(
        io.BytesIO(f"ref: refs/heads/main\tHEAD\n{oid}\tHEAD\n{pulls}{oid}\trefs/tags/v1^{{}}\n".encode())
    )
    assert (listed.default_branch, dict(listed.targets)) == (b"main", {})
    heads = "".join(f"{oid}\trefs/heads/{number}\n" for number in range(REFS_MAX + 1))
    with pytest.raises(RepoTooLarge):
        parse_listing(io.BytesIO(heads.encode()))


def test_a_shallow_remote_is_read_and_its_gap_shown(
    linked: Linked, remote: Repository, tmp_path: Path
) -> None:
    for number in range(3):
        remote.commit({"a": str(number)})
    head = remote.tip("main")
    whole = tmp_path / "whole.git"
    remote.folder.rename(whole)
    remote.git(
        "clone", "-q", "--bare", "--depth=1", f"file://{whole}", str(remote.folder), in_repository=False
    )
    assert linked.link().commit_after == head
    run = linked.verify()
    assert (run.outcome, linked.mirror.missing_objects, linked.mirror.state) == ("missing", 1, "active")
    assert linked.sync().outcome == "unchanged"


def test_odd_names_of_branches_are_kept(linked: Linked, remote: Repository) -> None:
    commit = remote.commit({"a": "1"})
    (remote.folder / "packed-refs").write_bytes(
        b"".join(
            commit.encode() + b" refs/heads/" + name + b"\n" for name in (b"caf\xe9", "käse".encode(), b"-x")
        )
    )
    assert linked.link().status == "succeeded"
    names = set(Ref.objects.filter(project=linked.project).values_list("name", flat=True))
    assert names == {"heads/main", "heads/caf%E9", "heads/käse", "heads/-x"}
    assert linked.sync().outcome == "unchanged"


def test_a_repository_of_long_ids_is_read(linked: Linked, remote: Repository) -> None:
    shutil.rmtree(remote.folder)
    options = ("--bare", "--object-format=sha256", "--initial-branch=main")
    remote.git("init", "-q", *options, str(remote.folder), in_repository=False)
    head = remote.commit({"a": "1"})
    assert len(head) == 64
    assert linked.link().commit_after == head
    assert File.objects.get().blob == remote.git("rev-parse", "main:a")


def test_many_packs_are_joined(linked: Linked, remote: Repository) -> None:
    remote.commit({"a": "1"})
    linked.link()
    folder = published_repository(linked.mirror)
    assert not repack(folder)
    for number in range(PACKS_MAX + 1):
        blob = f"blob\ndata {len(str(number))}\n{number}\n".encode()
        run_git(folder, "-c", "fastimport.unpackLimit=0", "fast-import", "--quiet", stdin=blob)
    assert len(packs_of(folder)) > PACKS_MAX
    assert repack(folder)
    assert len(packs_of(folder)) < PACKS_MAX
    assert linked.verify().outcome == "sound"
