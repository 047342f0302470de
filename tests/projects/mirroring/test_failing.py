"""Remotes that refuse, are gone, hold what no repository may, or are too large: what was published stays."""

import errno
import os
import shutil
import socket
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from apps.accounts.models import Notification
from apps.common.db import JobStatus
from apps.projects.git import remotes
from apps.projects.git.failures import (
    RepoAuthFailed,
    RepoObjectsMissing,
    RepoTooLarge,
    RepoUnreachable,
    classify,
    scrub,
)
from apps.projects.git.layout import published_repository
from apps.projects.git.processes import run_git
from apps.projects.git.readers import READERS
from apps.projects.mirroring.due import choose_due
from apps.projects.mirroring.generations import packs_of
from apps.projects.mirroring.schedule import AUTH_FAILURES_MAX
from apps.projects.mirroring.verifying import Soundness, record
from apps.projects.models import ArchivedTip, Mirror, MirrorRun, Project
from apps.projects.queries.mirrors import refs_page
from apps.projects.reading.refs import resolve
from apps.projects.services.verification import verify_mirror
from tests.factories.projects import ProjectFactory
from tests.furniture.people import Actors
from tests.projects.mirroring.conftest import Linked
from tests.projects.mirroring.remotes import GitBackend, free_port
from tests.projects.repositories import Blob, Repository

Http = tuple[int, type[GitBackend]]
SECRET = b"s3cr3t-that-nobody-sees"


def given_to(actors: Actors, linked: Linked) -> None:
    """Let the analyst own the project."""
    Project.objects.update(organization=actors.organization, owner=actors.analyst.user)
    linked.project.refresh_from_db()


def told(actors: Actors) -> list[str]:
    """Return the kinds of notices that the owner got, oldest first."""
    notices = Notification.objects.filter(user=actors.analyst.user).order_by("created_at", "pk")
    return list(notices.values_list("kind", flat=True))


def over_http(http: Http, remote: Repository) -> str:
    return f"http://127.0.0.1:{http[0]}/{remote.folder.name}"


def test_http_clones_like_git(linked: Linked, remote: Repository, http: Http) -> None:
    head = remote.commit({"a": "1"})
    assert linked.link(over_http(http, remote)).commit_after == head
    del http[1].asked[:]
    assert linked.sync().outcome == "unchanged"
    assert not [path for path in http[1].asked if "git-upload-pack" in path and "service" not in path][1:]


def test_a_refused_repository_is_auth_failed_after_three_times_and_keeps_what_it_had(
    linked: Linked, remote: Repository, http: Http
) -> None:
    head = remote.commit({"a": "1"})
    linked.link(over_http(http, remote))
    states = []
    for status in (404, 403, 401):
        http[1].refusal = (status, {"WWW-Authenticate": "Basic"} if status == 401 else {})
        run = linked.sync()
        assert (run.status, run.error_code) == ("failed", "projects.repo_auth_failed"), status
        states.append((linked.mirror.state, linked.mirror.due_reason))
    assert states == [("active", "failing"), ("active", "failing"), ("auth_failed", "auth")]
    assert linked.mirror.head_commit == head
    assert published_repository(linked.mirror).exists()
    http[1].refusal = None
    assert linked.sync().status == "succeeded"
    assert (linked.mirror.state, linked.mirror.failures, linked.mirror.error_code) == ("active", 0, "")


def test_an_outage_before_refusals_brings_their_end_no_nearer(
    linked: Linked, remote: Repository, http: Http
) -> None:
    remote.commit({"a": "1"})
    linked.link(over_http(http, remote))
    http[1].refusal = (503, {})
    linked.sync()
    Mirror.objects.update(failures=AUTH_FAILURES_MAX)
    http[1].refusal = (404, {})
    for _ in range(3):
        linked.sync()
    mirror = linked.mirror
    assert (mirror.state, mirror.failures) == ("auth_failed", 3)
    assert mirror.next_due_at is not None
    linked.sync()
    assert linked.mirror.failures == 4


def test_a_credential_goes_only_where_it_is_asked_for(linked: Linked, remote: Repository, http: Http) -> None:
    remote.commit({"a": "1"})
    http[1].login = f"robot:{SECRET.decode()}"
    credential = linked.give_credential(http[0], SECRET)
    assert linked.link(over_http(http, remote), credential=credential).status == "succeeded"
    credential.refresh_from_db()
    assert credential.last_result == "ok"
    http[1].login = "robot:another"
    assert linked.sync().error_code == "projects.repo_auth_failed"
    credential.refresh_from_db()
    assert credential.last_result == "projects.repo_auth_failed"
    for row in (linked.mirror, linked.last_run):
        assert SECRET.decode() not in repr(vars(row))


def nothing_found(*_args: object, **_options: object) -> None:
    raise socket.gaierror


@pytest.mark.parametrize("case", ["closed", "redirect", "private", "no DNS"])
def test_all_that_hides_the_host_looks_the_same_and_takes_a_second(
    linked: Linked, remote: Repository, http: Http, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", nothing_found)
    remote.commit({"a": "1"})
    url = {
        "closed": f"git://127.0.0.1:{free_port()}/x.git",
        "redirect": over_http(http, remote),
        "private": over_http(http, remote),
        "no DNS": "https://nowhere.invalid/x.git",
    }[case]
    port = url.removeprefix("git://127.0.0.1:").partition("/")[0]
    opened = [*settings.PROJECTS_TEST_REMOTES, f"127.0.0.1:{port}"]
    monkeypatch.setattr(settings, "PROJECTS_TEST_REMOTES", opened)
    http[1].refusal = (302, {"Location": "http://169.254.169.254/latest"})
    run = linked.queue(url)
    if case == "private":
        monkeypatch.setattr(settings, "PROJECTS_TEST_REMOTES", [])
    began_s = time.monotonic()
    run = linked.run(run)
    assert time.monotonic() - began_s >= 1
    assert (run.error_code, run.error_detail) == (RepoUnreachable.code, RepoUnreachable.title())
    assert linked.mirror.error_cause
    assert not [path for path in http[1].asked if "latest" in path]


def test_a_repository_over_its_quota_is_stopped_and_the_old_copy_serves(
    linked: Linked, remote: Repository, actors: Actors
) -> None:
    given_to(actors, linked)
    head = remote.commit({"a": "1"})
    linked.link()
    packs = packs_of(published_repository(linked.mirror))
    Mirror.objects.update(quota_bytes=300_000)
    remote.commit({"large": os.urandom(2_000_000)})
    run = linked.sync()
    mirror = linked.mirror
    assert (run.error_code, mirror.state) == ("projects.repo_too_large", "over_quota")
    assert (mirror.next_due_at, mirror.due_reason, mirror.head_commit) == (None, "over_quota", head)
    assert told(actors) == ["projects.over_quota"]
    folder = published_repository(mirror)
    assert packs_of(folder) == packs
    assert not list(folder.glob("objects/pack/tmp_*"))


@pytest.mark.parametrize("name", [".git", ".GIT", "git~1"])
def test_an_entry_that_no_repository_may_have_is_refused(
    linked: Linked, remote: Repository, name: str
) -> None:
    head = remote.commit({"a": "1"})
    linked.link()
    blob = remote.git("hash-object", "-w", "--stdin", stdin=b"x")
    tree = remote.git("mktree", stdin=f"100644 blob {blob}\t{name}\n".encode())
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    bad = remote.git(*who, "commit-tree", "-p", head, "-m", "Bad", tree)
    remote.git("update-ref", "refs/heads/main", bad)
    run = linked.sync()
    mirror = linked.mirror
    assert (run.error_code, mirror.head_commit) == ("projects.repo_objects_refused", head)
    folder = published_repository(mirror)
    assert not list(folder.glob("objects/pack/tmp_*"))
    assert b"missing" in run_git(folder, "cat-file", "--batch-check", stdin=bad.encode())


@pytest.mark.parametrize("lost", ["main~1:b", "main~1^{tree}", "main~1"])
def test_a_remote_that_lacks_objects_is_told_as_that_and_the_old_copy_serves(
    linked: Linked, remote: Repository, lost: str
) -> None:
    head = remote.commit({"a": "1"})
    linked.link()
    remote.commit({"b": "2"})
    remote.commit({"b": "3"})
    oid = remote.git("rev-parse", lost)
    (remote.folder / "objects" / oid[:2] / oid[2:]).unlink()
    run = linked.sync()
    mirror = linked.mirror
    assert (run.status, run.error_code, run.attempt) == ("failed", "projects.missing_objects", 1)
    assert (mirror.error_code, mirror.head_commit) == ("projects.missing_objects", head)
    assert linked.verify().outcome == "sound"


def test_a_damaged_copy_is_found_and_cloned_anew(linked: Linked, remote: Repository) -> None:
    head = remote.commit({"a": "1", "b": "2"})
    linked.link()
    assert linked.verify().outcome == "sound"
    folder = published_repository(linked.mirror)
    unpack(folder)
    lost = remote.git("rev-parse", "main:b")
    (folder / "objects" / lost[:2] / lost[2:]).unlink()
    run = linked.verify()
    mirror = linked.mirror
    assert (run.outcome, mirror.state, mirror.missing_objects) == ("missing", "corrupt", 1)
    assert mirror.head_commit == head
    assert [found.pk for found in choose_due()] == [mirror.pk]
    healed = linked.sync()
    assert (healed.kind, healed.status) == ("reclone", "succeeded")
    assert (linked.mirror.state, linked.mirror.missing_objects) == ("active", 0)
    assert linked.verify().outcome == "sound"


@pytest.mark.parametrize("damage", ["HEAD", "packed-refs", "all"])
def test_a_copy_that_git_cannot_even_list_is_cloned_anew(
    linked: Linked, remote: Repository, damage: str
) -> None:
    remote.commit({"a": "1"})
    linked.link()
    folder = published_repository(linked.mirror)
    if damage == "all":
        for place in list(folder.iterdir()):
            shutil.rmtree(place) if place.is_dir() else place.unlink()
    else:
        (folder / damage).write_bytes(b"\0 not what git writes\n")
    found = verify_mirror(linked.mirror)
    assert "repository" in {finding.code for finding in found}
    assert not any(finding.detail.startswith("0 objects") for finding in found)
    healed = linked.reclone()
    assert (healed.status, linked.mirror.state) == ("succeeded", "active")
    assert verify_mirror(linked.mirror) == []


@pytest.mark.parametrize("is_listable", [True, False])
def test_an_archived_tip_is_listed_as_long_as_it_can_be_read(
    linked: Linked, remote: Repository, is_listable: bool
) -> None:
    """Nothing but its ref holds a tip. What damage has taken no clone brings back, and no list may name."""
    lost = remote.commit({"a": "1"})
    linked.link()
    kept = remote.commit({"b": "2"}, is_root=True)
    linked.sync()
    remote.commit({"c": "3"}, is_root=True)
    linked.sync()
    assert listed_tips(linked) == ["archived/1", "archived/2"]
    folder = published_repository(linked.mirror)
    unpack(folder)
    (folder / "objects" / lost[:2] / lost[2:]).unlink()
    READERS.end_all()
    assert listed_tips(linked) == ["archived/2"]
    if not is_listable:
        (folder / "refs" / "sextant" / "archive" / "2").write_bytes(b"\0 not what git writes\n")
    assert linked.reclone().status == "succeeded"
    assert ArchivedTip.objects.get(mirror=linked.mirror).number == 2
    assert listed_tips(linked) == ["archived/2"]
    found = resolve(linked.project, "archived/2").commit
    assert (found, run_git(published_repository(linked.mirror), "cat-file", "-t", found)) == (
        kept,
        b"commit\n",
    )
    assert linked.verify().outcome == "sound"


def listed_tips(linked: Linked) -> list[str]:
    """Return the names of archived tips, page by page of one."""
    project = Project.objects.select_related("mirror").get(pk=linked.project.pk)
    names: list[str] = []
    while True:
        after = ("archived", names[-1]) if names else None
        page = refs_page(project, kinds=["archived"], search="", after=after, limit=1)
        if not page:
            return names
        names += [ref.name for ref in page]


def unpack(folder: Path) -> None:
    """Let each object of a repository lie in a file of its own."""
    for pack in folder.glob("objects/pack/*"):
        pack.rename(folder / pack.name)
    for pack in folder.glob("*.pack"):
        run_git(folder, "unpack-objects", "-q", stdin=pack.read_bytes())


def test_a_new_generation_is_followed_also_where_it_says_the_same(linked: Linked, remote: Repository) -> None:
    remote.commit({"a": "1"})
    linked.link()
    linked.verify()
    verified = MirrorRun.objects.filter(kind="verify")
    assert not verified.filter(status=JobStatus.QUEUED).exists()
    assert linked.reclone().outcome == "unchanged"
    assert verified.filter(status=JobStatus.QUEUED).exists()


def test_corruption_is_answered_by_one_clone_a_day(linked: Linked, remote: Repository) -> None:
    remote.commit({"a": "1"})
    linked.link()
    linked.reclone()
    mirror = linked.mirror
    record(mirror, Soundness(3, is_tree_hit=True))
    assert list(choose_due()) == []
    Mirror.objects.update(recloned_at=timezone.now() - timedelta(hours=25))
    record(mirror, Soundness(3, is_tree_hit=True))
    assert [found.pk for found in choose_due()] == [mirror.pk]


def test_the_first_failure_of_a_streak_is_told_to_those_in_charge(
    linked: Linked, remote: Repository, http: Http, actors: Actors
) -> None:
    remote.commit({"a": "1"})
    given_to(actors, linked)
    linked.link(over_http(http, remote))
    http[1].refusal = (503, {})
    linked.sync()
    linked.sync()
    assert told(actors) == ["projects.sync_failed"]
    assert "503" not in Notification.objects.get().body


def test_refusals_are_told_when_they_are_sure_and_when_nobody_tries_any_more(
    linked: Linked, remote: Repository, http: Http, actors: Actors
) -> None:
    given_to(actors, linked)
    remote.commit({"a": "1"})
    linked.link(over_http(http, remote))
    http[1].refusal = (404, {})
    linked.sync()
    linked.sync()
    assert told(actors) == ["projects.sync_failed"]
    linked.sync()
    Mirror.objects.update(failures=AUTH_FAILURES_MAX - 1)
    linked.sync()
    assert linked.mirror.next_due_at is None
    assert told(actors) == ["projects.sync_failed", "projects.auth_failed", "projects.auth_failed"]


def test_mirrors_of_an_organization_share_what_it_may_take(
    linked: Linked, remote: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote.commit({"large": os.urandom(200_000)})
    monkeypatch.setattr(settings, "PROJECTS_ORG_MAX_BYTES", 1_000_000)
    other = ProjectFactory.create(organization=linked.project.organization)
    Mirror.objects.create(
        organization=other.organization, project=other, url="x", host="x", port=443, size_bytes=900_000
    )
    assert linked.link().error_code == "projects.repo_too_large"
    Mirror.objects.filter(project=other).update(size_bytes=1_000_000)
    assert linked.sync().error_code == "projects.storage_full"
    Mirror.objects.filter(project=other).update(size_bytes=100_000)
    assert linked.sync().status == "succeeded"


class NoInodes:
    """What a file system says that is full but for some bytes."""

    f_bavail = f_frsize = 1_000_000
    f_files, f_favail = 1_000, 3


def refuse_folders(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


FULL = [(os, "statvfs", lambda _: NoInodes), (Path, "mkdir", refuse_folders)]


@pytest.mark.parametrize("case", FULL)
def test_a_disk_without_inodes_is_full(
    linked: Linked, remote: Repository, monkeypatch: pytest.MonkeyPatch, case: tuple[object, str, object]
) -> None:
    remote.commit({"a": "1"})
    run = linked.queue()
    with monkeypatch.context() as patched:
        patched.setattr(*case)
        run = linked.run(run)
    assert (run.status, run.error_code, linked.mirror.generation) == ("failed", "projects.storage_full", 0)
    assert linked.sync().status == "succeeded"


def test_gits_words_lose_their_secrets() -> None:
    said = b"fatal: https://robot:hunter2@git.example/a hunter2 Authorization: Basic abc\nx\x1b[31m"
    text = scrub(said, [b"hunter2"])
    assert "hunter2" not in text
    assert "robot" not in text
    assert "Basic" not in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("fatal: repository 'https://git.example/a/' not found", RepoAuthFailed),
        ("fatal: could not read Username for 'https://git.example'", RepoAuthFailed),
        ("fatal: unable to access 'x': Could not resolve host: x", RepoUnreachable),
        ("fatal: unable to access 'x': The requested URL returned error: 302", RepoUnreachable),
        ("fatal: did not receive expected object a50b\nfatal: invalid index-pack output", RepoObjectsMissing),
        ("fatal: Out of memory, calloc failed\nfatal: invalid index-pack output", RepoTooLarge),
        ("remote: fatal: Out of memory, malloc failed\nfatal: early EOF", RepoUnreachable),
        (
            "remote: error: No space left on device\nfatal: early EOF",
            RepoUnreachable,
        ),
        ("remote: aborting due to possible repository corruption on the remote side.", RepoObjectsMissing),
        ("fatal: pack has bad object at offset 363: inflate returned -3", RepoUnreachable),
        ("fatal: Could not read from remote repository.\n\nPlease make sure", RepoUnreachable),
    ],
)
def test_gits_words_are_understood(said: str, error: type[Exception]) -> None:
    assert isinstance(classify(said, exit_code=128), error)


def test_a_host_that_takes_the_call_and_never_answers_is_unreachable(
    linked: Linked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remotes, "LISTING_TIMEOUT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        opened = f"127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setattr(settings, "PROJECTS_TEST_REMOTES", [opened])
        run = linked.link(f"git://{opened}/a.git")
    assert (run.status, run.error_code, run.attempt) == ("failed", "projects.repo_unreachable", 1)


def test_names_of_hooks_and_attributes_execute_nothing(
    linked: Linked, remote: Repository, tmp_path: Path, make_repository: Callable[[str], Repository]
) -> None:
    marker = tmp_path / "executed"
    attributes = "* filter=evil diff=evil merge=evil\n"
    modules = f'[submodule "x"]\n\tpath = x\n\turl = ext::touch {marker}\n\tupdate = !touch {marker}\n'
    remote.commit(
        {
            ".gitattributes": attributes,
            ".gitmodules": modules,
            ".gitconfig": f'[filter "evil"]\n\tsmudge = touch {marker}\n',
            "hooks/post-checkout": Blob(f"#!/bin/sh\ntouch {marker}\n".encode(), "100755"),
            "x": Blob(b"1" * 40, "160000"),
        }
    )
    remote.git("config", "uploadpack.packObjectsHook", f"touch {marker}")
    assert linked.link().status == "succeeded"
    remote.commit({"b": "2"})
    assert linked.sync().status == "succeeded"
    assert not marker.exists()
