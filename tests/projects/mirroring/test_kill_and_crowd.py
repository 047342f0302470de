"""Workers that die, pause or meet: readers see one whole state, and the next run ends right."""

import os
import signal
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from apps.accounts.permissions import system_actor
from apps.common import jobs
from apps.common.db import JobStatus
from apps.common.jobs import lifecycle
from apps.projects.git.layout import mirror_folder, published_repository
from apps.projects.git.processes import run_git
from apps.projects.mirroring.attempt import Attempt, claim, lock_mirror
from apps.projects.mirroring.job import run_sync
from apps.projects.mirroring.publishing import publish
from apps.projects.mirroring.syncing import rebuild
from apps.projects.models import File, Manifest, Mirror, MirrorRun, Project, Ref
from apps.projects.services.mirrors import start_rebuild, start_sync, unlink_repo
from apps.projects.services.verification import verify_mirror
from tests.projects.mirroring.conftest import Linked
from tests.projects.mirroring.remotes import GitBackend
from tests.projects.repositories import Repository

pytestmark = pytest.mark.django_db(transaction=True)
Http = tuple[int, type[GitBackend]]
POINTS = (
    "sync.connecting", "sync.fetching", "sync.fetched", "sync.checking", "sync.manifest", "sync.built",
    "sync.publishing", "sync.before_transaction", "sync.before_commit", "sync.committed",
)  # fmt: skip
# However busy the machine is; nobody waits so long where things are right.
SOON_S = 60.0


def work_in_child(run: MirrorRun, fault: str = "") -> int:
    """Run a job in a process of its own, which dies at a fault; return its id."""
    # Neither process may use the other's connection.
    connection.close()
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            settings.DEBUG, settings.PROJECTS_FAULT = True, fault
            jobs.execute("projects.sync", run.pk)
        os._exit(0)
    return child


def seen(project: Project) -> tuple[str, dict[str, str], str, set[bytes]]:
    """Return all that readers go by: head, refs, manifest, files."""
    mirror = Mirror.objects.get(project=project)
    manifest = Manifest.objects.get(project=project, state="current")
    refs = {ref.name: ref.commit for ref in Ref.objects.filter(project=project)}
    files = {bytes(file.path) for file in File.objects.filter(project=project)}
    return mirror.head_commit, refs, manifest.commit, files


@pytest.mark.parametrize("kind", ["fetch", "reclone"])
def test_a_killed_worker_leaves_the_old_state_or_the_new_one(
    linked: Linked, remote: Repository, kind: str
) -> None:
    head = remote.commit({"f0": "x"})
    linked.link()
    for number, point in enumerate(POINTS if kind == "fetch" else POINTS[2::3], start=1):
        before = seen(linked.project)
        head = remote.commit({f"f{number}": "x"})
        actor = system_actor(linked.project.organization)
        run = start_sync(actor=actor, project=linked.project)[0]
        if kind == "reclone":
            MirrorRun.objects.filter(pk=run.pk).update(kind="reclone")
        _, status = os.waitpid(work_in_child(run, point), 0)
        assert os.WTERMSIG(status) == signal.SIGKILL, point
        whole = (head, {"heads/main": head}, head, {f"f{n}".encode() for n in range(number + 1)})
        assert seen(linked.project) == (whole if point == "sync.committed" else before), point
        # Its message comes again, or the reaper looks: the connection of whoever had the lease is gone.
        assert linked.run(run).status == JobStatus.SUCCEEDED, point
        assert seen(linked.project) == whole, point
    mirror = linked.mirror
    folder = published_repository(mirror)
    assert run_git(folder, "fsck", "--connectivity-only") == b""
    assert not [*folder.glob("**/*.lock"), *folder.glob("objects/pack/tmp_*")]
    assert verify_mirror(Mirror.objects.select_related("project__organization").get()) == []


def over_http(http: Http, name: str) -> str:
    return f"http://127.0.0.1:{http[0]}/{name}"


def take_over(run: MirrorRun) -> MirrorRun:
    """Do as the reaper with a lease that ran out; then let another worker do it all."""
    lost = {"status": JobStatus.QUEUED, "lease_token": None, "lease_until": None, "queued_at": Now()}
    MirrorRun.objects.filter(pk=run.pk).update(**lost)
    jobs.execute("projects.sync", run.pk)
    return Linked.reread(run)


def test_a_worker_that_is_late_notices_and_leaves_its_successors_work_alone(
    linked: Linked, remote: Repository, http: Http
) -> None:
    remote.commit({"a": "1"})
    linked.link(over_http(http, remote.folder.name))
    head = remote.commit({"b": "2"})
    run = start_sync(actor=system_actor(linked.project.organization), project=linked.project)[0]
    ended: list[MirrorRun] = []
    is_over = threading.Event()

    def successor() -> None:
        ended.append(take_over(run))
        is_over.set()

    http[1].in_fetch = staticmethod(successor)
    linked.run(run)
    assert is_over.wait(SOON_S)
    assert (ended[0].status, ended[0].commit_after) == ("succeeded", head)
    assert linked.mirror.snapshot == linked.mirror.fence == ended[0].fence
    assert run_git(published_repository(linked.mirror), "fsck", "--connectivity-only") == b""


def test_a_worker_that_paused_before_its_last_step_publishes_nothing(
    linked: Linked, remote: Repository
) -> None:
    remote.commit({"a": "1"})
    head = remote.commit({"b": "2"}, branch="work")
    linked.link()
    queued = start_rebuild(actor=None, project=linked.project)
    assert queued is not None
    row = lifecycle.claim(run_sync, queued[0].pk, uuid.uuid4())
    assert row is not None
    paused = claim(jobs.Run(run_sync, row))
    late = rebuild(paused)
    Project.objects.update(tracked_ref="work")
    assert take_over(row).commit_after == head
    before = seen(linked.project)
    with pytest.raises(jobs.LeaseLost):
        publish(paused, late)
    assert seen(linked.project) == before
    # The lease alone would not do: the mirror may have been given to another repository.
    Mirror.objects.update(fence=F("fence") + 1)
    with pytest.raises(jobs.LeaseLost):
        lock_mirror_now(paused)


def lock_mirror_now(attempt: Attempt) -> None:
    with transaction.atomic():
        lock_mirror(attempt)


@pytest.mark.parametrize("act", ["relink", "unlink", "delete"])
def test_a_mirror_that_is_taken_away_in_mid_sync_gets_nothing_published(
    linked: Linked, remote: Repository, daemon_root: Path, http: Http, act: str
) -> None:
    remote.commit({"secret": "1"})
    other = Repository(daemon_root / f"other-{act}.git")
    wanted = other.commit({"wanted": "1"})
    run = linked.queue(over_http(http, remote.folder.name))
    actor = system_actor(linked.project.organization)
    acts: dict[str, Callable[[], object]] = {
        "relink": lambda: linked.queue(over_http(http, other.folder.name)),
        "unlink": lambda: unlink_repo(actor=actor, project=linked.project),
        "delete": lambda: Project.objects.update(deleted_at=Now()),
    }
    http[1].in_fetch = staticmethod(acts[act])
    ended = linked.run(run)
    assert ended.status != "succeeded"
    assert not Ref.objects.exists()
    assert not File.objects.exists()
    assert linked.mirror.head_commit == ""
    if act == "relink":
        assert linked.run(linked.last_run).commit_after == wanted
        assert {bytes(file.path) for file in File.objects.all()} == {b"wanted"}


def test_a_cancelled_run_stops_git_at_once(linked: Linked, remote: Repository, http: Http) -> None:
    remote.commit({"a": "1"})
    run = linked.queue(over_http(http, remote.folder.name))
    may_answer = threading.Event()

    def cancel_and_wait() -> None:
        jobs.cancel(jobs.find_kind("projects.sync"), linked.reread(run))
        may_answer.wait(SOON_S)

    http[1].in_fetch = staticmethod(cancel_and_wait)
    began_s = time.monotonic()
    ended = linked.run(run)
    may_answer.set()
    assert ended.status == "cancelled"
    assert time.monotonic() - began_s < SOON_S
    assert not list(mirror_folder(linked.mirror.pk).glob("*.git"))


def test_two_syncs_at_once_are_one_run(linked: Linked, remote: Repository) -> None:
    remote.commit({"a": "1"})
    linked.link()
    started: list[tuple[MirrorRun, bool]] = []
    together = threading.Barrier(4)

    def start() -> None:
        together.wait()
        try:
            actor = system_actor(linked.project.organization)
            started.append(start_sync(actor=actor, project=linked.project))
        finally:
            connection.close()

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({run.pk for run, _ in started}) == 1
    assert sorted(joined for _, joined in started) == [False, True, True, True]


def processes_with(word: bytes, part: str) -> list[int]:
    """Return the ids of processes whose command line, or environment, holds a word."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if word in (folder / part).read_bytes():
                found.append(int(folder.name))
    return found


def test_git_dies_with_its_worker_and_never_shows_the_secret(
    linked: Linked, remote: Repository, http: Http
) -> None:
    secret = b"s3cr3t-in-no-command-line"
    remote.commit({"a": "1"})
    http[1].login = f"robot:{secret.decode()}"
    run = linked.queue(
        over_http(http, remote.folder.name), credential=linked.give_credential(http[0], secret)
    )
    shown: list[int] = []
    running: list[int] = []
    is_fetching, may_answer = threading.Event(), threading.Event()

    def look() -> None:
        for part in ("cmdline", "environ"):
            shown.extend(processes_with(secret, part))
        running.extend(processes_with(remote.folder.name.encode(), "cmdline"))
        is_fetching.set()
        may_answer.wait(SOON_S)

    http[1].in_fetch = staticmethod(look)
    worker = work_in_child(run)
    assert is_fetching.wait(SOON_S)
    os.kill(worker, signal.SIGKILL)
    os.waitpid(worker, 0)
    assert shown == []
    assert len(running) > 1
    # Well before the remote answers, which would end git, too.
    deadline_s = time.monotonic() + SOON_S / 3
    while processes_with(remote.folder.name.encode(), "cmdline") and time.monotonic() < deadline_s:
        time.sleep(0.05)
    left = processes_with(remote.folder.name.encode(), "cmdline")
    may_answer.set()
    assert left == []
    assert linked.run(run).status == "succeeded"
