"""Clocks, commands and clean-up of mirrors, and the sample project."""

import json
import os
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from apps.accounts.models import Organization
from apps.accounts.permissions import system_actor
from apps.common.db import JobStatus
from apps.common.jobs import execute
from apps.projects import periodic, pruning
from apps.projects.checks import check_git, check_test_remotes, is_fixed
from apps.projects.git.layout import generation_folder, mirror_folder, published_repository
from apps.projects.git.processes import run_git
from apps.projects.mirroring.due import choose_due, queue_due
from apps.projects.models import ArchivedTip, File, Manifest, Mirror, MirrorRun, Project, Ref
from apps.projects.sample import make_sample, remove_sample
from apps.projects.services.mirrors import unlink_repo
from tests.factories.accounts import OrganizationFactory
from tests.factories.projects import ProjectFactory, publish
from tests.projects.mirroring.conftest import Linked
from tests.projects.repositories import Repository

pytestmark = pytest.mark.django_db
LONG_AGO = timedelta(days=100)


def call(name: str, *arguments: str) -> tuple[int, list[dict[str, object]]]:
    """Return a command's exit code, and what it says as JSON."""
    out = StringIO()
    code = 0
    try:
        call_command(name, *arguments, "--json", stdout=out, stderr=StringIO())
    except SystemExit as left:
        code = int(left.code or 0)
    except CommandError as error:
        code = error.returncode
    return code, [json.loads(line) for line in out.getvalue().splitlines()]


def due(count: int, *, ago: timedelta = timedelta(seconds=1)) -> list[Mirror]:
    """Return mirrors of one organization that are due."""
    organization = OrganizationFactory.create()
    return [
        Mirror.objects.create(
            organization=organization,
            project=ProjectFactory.create(organization=organization),
            url="https://git.example/a",
            host="git.example",
            port=443,
            next_due_at=timezone.now() - ago,
            due_reason="adaptive",
        )
        for _ in range(count)
    ]


def test_due_mirrors_are_queued_two_at_once_of_an_organization() -> None:
    many, few = due(3), due(1, ago=timedelta(hours=1))
    runs = queue_due()
    assert len(runs) == 3
    assert runs[0].mirror_id == few[0].pk
    assert {run.trigger for run in runs} == {"schedule"}
    assert {run.kind for run in runs} == {"clone"}
    assert queue_due() == []
    MirrorRun.objects.filter(mirror__in=many).update(status=JobStatus.SUCCEEDED)
    assert len(queue_due()) == 1


@pytest.mark.parametrize("hidden", ["archived_at", "deleted_at", "paused_at", "unlinked_at", "suspended_at"])
def test_what_rests_is_not_due(hidden: str) -> None:
    (mirror,) = due(1)
    now = timezone.now()
    if hidden == "suspended_at":
        Organization.objects.update(suspended_at=now)
    elif hidden in {"archived_at", "deleted_at"}:
        Project.objects.update(**{hidden: now})
    else:
        Mirror.objects.filter(pk=mirror.pk).update(**{hidden: now})
    assert list(choose_due()) == []


def test_the_command_says_what_is_due_and_why() -> None:
    (mirror,) = due(1)
    row = {"project": mirror.project.name, "reason": "adaptive", "run": ""}
    assert call("sync_due", "--dry-run") == (0, [row])
    code, rows = call("sync_due")
    assert (code, rows) == (0, [row | {"run": str(MirrorRun.objects.get().pk)}])


def test_a_mirror_is_synced_by_command(linked: Linked, remote: Repository) -> None:
    head = remote.commit({"a": "1"})
    linked.queue()
    assert call("sync_mirror", linked.project.name)[0] == 4
    linked.run(linked.last_run)
    code, (facts,) = call("sync_mirror", str(linked.project.pk), "--wait", "--force")
    assert (code, facts["status"], facts["kind"], facts["commit"]) == (0, "succeeded", "fetch", head)
    Mirror.objects.update(url="https://127.0.0.1/x")
    assert call("sync_mirror", str(linked.project.pk), "--wait")[0] == 1
    assert call("sync_mirror", str(uuid.uuid4()))[0] == 2


def test_a_sound_mirror_verifies_and_a_changed_row_does_not(linked: Linked, remote: Repository) -> None:
    remote.commit({"a": "1"})
    linked.link()
    assert call("verify_mirrors")[0] == 0
    Ref.objects.update(commit="0" * 40)
    code, rows = call("verify_mirrors", "--project", str(linked.project.pk), "--repair")
    assert (code, [row["code"] for row in rows]) == (1, ["refs"])
    assert MirrorRun.objects.filter(kind="reclone", status=JobStatus.QUEUED).exists()


@pytest.mark.parametrize(
    ("command", "option"),
    [("verify_mirrors", "--sample"), ("sync_due", "--limit"), ("requeue_jobs", "--older-than")],
)
def test_a_number_below_zero_is_refused_by_commands(command: str, option: str) -> None:
    for wrong in ("-1", "x"):
        with pytest.raises(CommandError, match=option):
            call_command(command, option, wrong)


def test_stuck_and_dead_jobs_are_queued_again_by_command() -> None:
    queue_due()
    due(1)
    (run,) = queue_due()
    assert call("requeue_jobs") == (0, [])
    MirrorRun.objects.update(status=JobStatus.FAILED, attempt=3, error_code="projects.git_failed")
    assert call("requeue_jobs", "--kind", "projects.sync") == (0, [])
    row = {"kind": "projects.sync", "id": str(run.pk), "was": "failed", "queued": True}
    assert call("requeue_jobs", "--dead", "--dry-run") == (0, [row])
    assert call("requeue_jobs", "--dead") == (0, [row])
    run.refresh_from_db()
    assert (run.status, run.attempt, run.error_code) == ("queued", 0, "")
    MirrorRun.objects.update(queued_at=timezone.now() - timedelta(hours=1), attempt=2)
    assert len(call("requeue_jobs")[1]) == 1
    assert MirrorRun.objects.get().attempt == 0
    assert call("requeue_jobs", "--kind", "signals.load")[0] == 1


def test_old_snapshots_go_ten_minutes_after_a_publication(linked: Linked, remote: Repository) -> None:
    remote.commit({"a": "1"})
    linked.link()
    remote.commit({"a": "2"})
    linked.sync()

    def snapshots() -> set[str]:
        listed = run_git(
            published_repository(linked.mirror), "for-each-ref", "--format=%(refname)", "refs/snapshots"
        )
        return {name.split("/")[2] for name in listed.decode().splitlines()}

    assert len(snapshots()) == 2
    periodic.sweep_mirrors()
    assert len(snapshots()) == 2
    MirrorRun.objects.update(finished_at=timezone.now() - timedelta(minutes=11))
    periodic.sweep_mirrors()
    assert snapshots() == {str(linked.mirror.snapshot)}


def test_mirrors_are_looked_over_weekly_and_publications_followed(linked: Linked, remote: Repository) -> None:
    remote.commit({"a.py": "def f(): pass\n"})
    linked.link()
    MirrorRun.objects.exclude(kind="clone").delete()
    periodic.verify_mirrors()
    periodic.verify_mirrors()
    periodic.follow_publications()
    periodic.follow_publications()
    kinds = MirrorRun.objects.filter(status=JobStatus.QUEUED).values_list("kind", flat=True)
    assert sorted(kinds) == ["index", "verify"]
    Mirror.objects.update(verified_at=timezone.now() - timedelta(days=6))
    assert not periodic.unverified(timezone.now()).exists()


def test_runs_and_tips_leave_when_their_time_is_over(linked: Linked, remote: Repository) -> None:
    remote.commit({"a": "1"})
    linked.link()
    remote.commit({"b": "1"}, is_root=True)
    linked.sync()
    now = timezone.now()
    assert [rule.count(now) for rule in pruning.RULES] == [0, 0, 0, 0]
    later = now + LONG_AGO
    assert [rule.count(later) for rule in pruning.RULES[:2]] == [2, 1]
    assert [rule.drop(later) for rule in pruning.RULES[:2]] == [2, 1]
    assert not ArchivedTip.objects.exists()
    assert run_git(published_repository(linked.mirror), "for-each-ref", "refs/sextant") == b""


def test_an_unlinked_mirror_loses_its_folder_after_a_week(linked: Linked, remote: Repository) -> None:
    remote.commit({"a": "1"})
    linked.link()
    unlink_repo(actor=system_actor(linked.project.organization), project=linked.project)
    folder = mirror_folder(linked.mirror.pk)
    now = timezone.now()
    pruning.drop_unlinked(now + timedelta(days=6))
    assert folder.exists()
    pruning.drop_unlinked(now + timedelta(days=8))
    assert not folder.exists()
    assert not File.objects.exists()
    assert Manifest.objects.exists()
    assert linked.link().status == "succeeded"


def test_folders_that_nobody_reads_are_found(make_repository: Callable[[str], Repository]) -> None:
    repository = make_repository("remote")
    repository.commit({"a": "1"})
    mirror = publish(ProjectFactory.create(), repository)
    dead, orphan = generation_folder(mirror.pk, 7), mirror_folder(uuid.uuid4())
    for folder in (dead, orphan):
        folder.mkdir(parents=True)
    assert pruning.drop_orphans(timezone.now()) == 0
    past_s = time.time() - 2 * 86_400
    for folder in (dead, orphan, mirror_folder(mirror.pk), published_repository(mirror)):
        os.utime(folder, (past_s, past_s))
    assert set(pruning.orphans(timezone.now())) == {dead, orphan}
    assert pruning.drop_orphans(timezone.now()) == 2
    assert published_repository(mirror).exists()


def test_the_sample_project_is_made_and_read() -> None:
    organization = OrganizationFactory.create()
    run = make_sample(organization)
    assert run is not None
    execute("projects.sync", run.pk)
    mirror = Mirror.objects.get()
    run.refresh_from_db()
    assert (run.status, run.error_code, mirror.state) == ("succeeded", "", "active")
    assert mirror.file_count == 9
    assert set(Ref.objects.values_list("name", flat=True)) == {
        "heads/main",
        "heads/lower-limit",
        "tags/v0.2.0",
    }
    assert make_sample(organization) is None
    remove_sample(organization)
    assert not Path(mirror_folder(mirror.pk)).exists()


def test_test_remotes_and_old_git_are_noticed(settings: object) -> None:
    settings.PROJECTS_TEST_REMOTES = []  # type: ignore[attr-defined]
    assert check_test_remotes() == []
    settings.PROJECTS_TEST_REMOTES = ["127.0.0.1:9000"]  # type: ignore[attr-defined]
    assert [message.id for message in check_test_remotes()] == ["sextant.E010"]
    assert all(message.id == "sextant.W005" for message in check_git())
    versions = {(2, 39, 5): False, (2, 43, 6): False, (2, 43, 7): True, (2, 50, 0): False, (2, 51, 0): True}
    assert {version: is_fixed(version) for version in versions} == versions
