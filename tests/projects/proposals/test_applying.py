"""An approved patch becomes one commit, whoever else acts at once and wherever a worker dies."""

import datetime as dt
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from apps.accounts.models import AuditEntry, Role
from apps.common import jobs
from apps.common.db import JobStatus
from apps.common.errors import Conflict
from apps.projects.git.processes import run_git
from apps.projects.models import Application, Proposal
from apps.projects.proposing.committing import Author
from apps.projects.proposing.restoring import restore_applied
from apps.projects.proposing.settling import settle_lost
from apps.projects.services.applications import apply_proposal
from tests.factories.accounts import create_member
from tests.furniture.people import Actors, Person
from tests.projects.proposals.renames import (
    Shop,
    act,
    apply,
    approved,
    run_application,
)

Jobs = Callable[[], int]
APPROVERS: Final = 8


@pytest.mark.django_db
def test_the_commit_says_who_approved_when_and_what(actors: Actors, shop: Shop, run_jobs: Jobs) -> None:
    proposal, digest = approved(actors.analyst, shop, run_jobs)
    assert actors.manager.user is not None
    actors.manager.user.name = "Grace <Hopper>\n."
    actors.manager.user.save()
    answer = apply(actors.manager, proposal, digest)
    assert answer.status_code == 202
    assert answer["Location"].endswith(str(proposal.pk))
    row = run_application(proposal)
    form = "%an|%ae|%cn|%ce|%at|%ct|%P|%B"
    shown = run_git(shop.folder, "show", "-s", f"--format={form}", proposal.applied_commit).decode()
    at = str(int(row.approved_at.timestamp()))
    name, email, committer, address, authored, committed, parent, message = shown.strip().split("|")
    assert (name, email) == ("Grace Hopper", actors.manager.user.email)
    assert (committer, address) == ("Sextant", "sextant@localhost")
    assert (authored, committed, parent) == (at, at, proposal.base_commit)
    assert message == "Rename total to grand_total"
    entry = AuditEntry.objects.get(verb="projects.proposal_applied")
    assert entry.changes["patch_digest"] == digest
    head = run_git(shop.folder, "for-each-ref", "--format=%(objectname)", "refs/snapshots/").decode().split()
    assert set(head) == {proposal.base_commit}


@pytest.mark.django_db
def test_a_patch_that_differs_by_a_byte_is_refused(actors: Actors, shop: Shop, run_jobs: Jobs) -> None:
    proposal, digest = approved(actors.analyst, shop, run_jobs)
    wrong = ("0" if digest[0] != "0" else "1") + digest[1:]
    answer = apply(actors.analyst, proposal, wrong)
    assert (answer.status_code, answer.json()["code"]) == (409, "projects.patch_mismatch")
    act(actors.analyst, proposal, "decisions", items=[{"file_id": 0, "decision": "rejected"}])
    answer = apply(actors.analyst, proposal, digest)
    assert (answer.status_code, answer.json()["code"]) == (409, "projects.patch_mismatch")
    assert not Application.objects.exists()
    assert shop.ref(proposal) == ""
    assert apply(actors.analyst, proposal, "nothing").status_code == 422
    assert apply(actors.analyst, proposal, digest, message="m" * 501).status_code == 422


@pytest.mark.django_db
def test_a_stored_patch_that_was_changed_is_not_applied(actors: Actors, shop: Shop, run_jobs: Jobs) -> None:
    proposal, digest = approved(actors.analyst, shop, run_jobs)
    assert apply(actors.analyst, proposal, digest).status_code == 202
    row = Application.objects.get()
    with default_storage.open(row.storage_key) as file:
        content = file.read()
    default_storage.delete(row.storage_key)
    default_storage.save(row.storage_key, ContentFile(content.replace(b"+def grand_", b"+def brand_")))
    row = run_application(proposal)
    assert (row.status, row.error_code) == ("failed", "projects.git_failed")
    assert (proposal.state, shop.ref(proposal)) == ("proposed", "")


@pytest.mark.django_db
def test_applying_twice_is_refused(actors: Actors, shop: Shop, run_jobs: Jobs) -> None:
    proposal, digest = approved(actors.analyst, shop, run_jobs)
    assert apply(actors.analyst, proposal, digest).status_code == 202
    second = apply(actors.analyst, proposal, digest)
    assert (second.status_code, second.json()["code"]) == (409, "conflict.state")
    row = run_application(proposal)
    third = apply(actors.analyst, proposal, digest)
    assert (third.status_code, third.json()["code"]) == (409, "projects.job_already_completed")
    jobs.execute("projects.apply", row.pk)
    assert Application.objects.count() == 1


@pytest.mark.django_db
def test_a_cancelled_application_gives_the_proposal_back(actors: Actors, shop: Shop, run_jobs: Jobs) -> None:
    proposal, digest = approved(actors.analyst, shop, run_jobs)
    job = apply(actors.analyst, proposal, digest).json()["id"]
    assert actors.analyst.api.post(f"/api/v1/jobs/{job}/cancel").status_code == 202
    settle_lost()
    proposal.refresh_from_db()
    assert (proposal.state, shop.ref(proposal)) == ("proposed", "")

    digest = act(actors.analyst, proposal, "preview").json()["patch_digest"]
    job = apply(actors.analyst, proposal, digest).json()["id"]
    run_application(proposal)
    late = actors.analyst.api.post(f"/api/v1/jobs/{job}/cancel")
    assert (late.status_code, late.json()["code"]) == (409, "job.not_cancellable")
    assert proposal.state == "applied"


@pytest.mark.django_db
def test_a_failed_application_is_retried_until_somebody_approves_anew(
    actors: Actors, shop: Shop, run_jobs: Jobs
) -> None:
    proposal, digest = approved(actors.analyst, shop, run_jobs)
    apply(actors.analyst, proposal, digest)
    first = Application.objects.get()
    key = first.storage_key
    Application.objects.update(storage_key="projects/patches/none")
    assert run_application(proposal).error_code == "job.internal"
    assert proposal.state == "proposed"

    Application.objects.update(storage_key=key)
    assert actors.admin.api.post(f"/api/v1/jobs/{first.pk}/retry").status_code == 202
    run_application(proposal)
    assert proposal.state == "applied"


@pytest.mark.django_db(transaction=True)
def test_eight_approvers_make_one_commit(actors: Actors, shop: Shop, run_jobs: Jobs) -> None:
    """Edge case 10."""
    proposal, digest = approved(actors.analyst, shop, run_jobs)
    people = [
        Person(f"p{n}", actors.organization, create_member(actors.organization, Role.MANAGER), Role.MANAGER)
        for n in range(APPROVERS)
    ]
    start = threading.Barrier(APPROVERS)

    def approve(person: Person) -> str:
        row = Proposal.objects.get(pk=proposal.pk)
        start.wait()
        try:
            made = apply_proposal(actor=person.actor, proposal=row, patch_digest=bytes.fromhex(digest))
            jobs.execute("projects.apply", made.pk)
        except Conflict as error:
            return error.code
        finally:
            connection.close()
        return "applied"

    with ThreadPoolExecutor(APPROVERS) as pool:
        ends = sorted(pool.map(approve, people))
    assert ends[0] == "applied"
    assert set(ends[1:]) <= {"conflict.state", "projects.job_already_completed"}
    proposal.refresh_from_db()
    assert (proposal.state, proposal.applied_commit) == ("applied", shop.ref(proposal))
    assert Application.objects.count() == 1


# A process of its own on the test's database, that dies at a point.
WORKER: Final = """
import sys, django
django.setup()
from pathlib import Path
from django.conf import settings
from django.db import connection
from apps.common import jobs
connection.settings_dict["NAME"] = sys.argv[1]
settings.PROJECTS_DATA_DIR = Path(sys.argv[2])
jobs.execute("projects.apply", sys.argv[3])
"""


def die_at(point: str, row: Application) -> None:
    environ = os.environ | {
        "DEBUG": "true",
        "PROJECTS_FAULT": point,
        "WORK_DIR": str(settings.VAR_DIR),
        "MEDIA_ROOT": str(settings.MEDIA_ROOT),
        "DJANGO_SETTINGS_MODULE": "tests.signals.worker_settings",
    }
    name = str(connection.settings_dict["NAME"])
    arguments = [sys.executable, "-c", WORKER, name, str(settings.PROJECTS_DATA_DIR), str(row.pk)]
    done = subprocess.run(arguments, env=environ, cwd=settings.BASE_DIR, check=False)
    assert done.returncode == -signal.SIGKILL


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("point", ["apply.commit", "apply.ref"])
def test_a_killed_worker_leaves_one_commit_to_the_next(
    actors: Actors, shop: Shop, run_jobs: Jobs, point: str
) -> None:
    """Edge case 13."""
    proposal, digest = approved(actors.analyst, shop, run_jobs)
    apply(actors.analyst, proposal, digest)
    row = Application.objects.get()
    die_at(point, row)
    left = shop.ref(proposal)
    assert bool(left) == (point == "apply.ref")
    Application.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    jobs.reap_jobs()
    row = run_application(proposal)
    assert (row.status, proposal.state) == ("succeeded", "applied")
    assert proposal.applied_commit == shop.ref(proposal) == (left or proposal.applied_commit)


@pytest.mark.django_db
def test_an_application_that_fails_after_its_ref_counts_as_applied(
    actors: Actors, shop: Shop, run_jobs: Jobs
) -> None:
    proposal, digest = approved(actors.analyst, shop, run_jobs)
    apply(actors.analyst, proposal, digest)
    row = run_application(proposal)
    commit = proposal.applied_commit
    # As if the database had been away for the last step, until no attempt was left.
    Proposal.objects.update(state="applying", applied_commit="")
    Application.objects.update(status=JobStatus.FAILED, commit="")
    assert settle_lost() == 1
    proposal.refresh_from_db()
    row.refresh_from_db()
    assert (proposal.state, proposal.applied_commit, row.commit) == ("applied", commit, commit)


@pytest.mark.django_db
def test_a_lost_commit_is_made_again_with_the_same_id(actors: Actors, shop: Shop, run_jobs: Jobs) -> None:
    proposal, digest = approved(actors.analyst, shop, run_jobs)
    apply(actors.analyst, proposal, digest)
    run_application(proposal)
    assert actors.analyst.user is not None
    actors.analyst.user.name = "Somebody else by now"
    actors.analyst.user.save()
    run_git(shop.folder, "update-ref", "-d", f"refs/sextant/applied/{proposal.pk}")
    run_git(shop.folder, "gc", "-q", "--prune=now")
    assert shop.ref(proposal) == ""
    assert restore_applied(shop.project) == 1
    assert shop.ref(proposal) == proposal.applied_commit
    assert restore_applied(shop.project) == 0


def test_an_author_is_written_as_git_takes_it() -> None:
    assert Author.of("", "ada@example.com").line == "ada <ada@example.com>"
    assert Author.of(" <>\n", "a<b@example.com").line == "ab <ab@example.com>"
    odd = Author.of("A <x> B", "c@example.com")
    assert Author.parse(odd.line) == odd
