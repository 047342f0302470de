"""Jobs of all kinds by the API: who sees them, who may cancel, retry and discard them."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.models import AuditEntry, Job, Mail, Role, User
from apps.accounts.queries import resolve_key
from apps.accounts.services import create_api_key, revoke_api_key
from apps.common import jobs
from apps.common.db import JobStatus
from apps.common.errors import NotFound
from apps.common.live import find_topic
from apps.datasets.models import Dataset, Import
from tests.furniture.people import Actors, Person
from tests.furniture.query_counts import Check

pytestmark = pytest.mark.django_db(transaction=True)

MakeJob = Callable[..., Import]


@pytest.fixture
def make_job(actors: Actors) -> MakeJob:
    """Make an import of the actors' organization, or of another."""

    def make(status: str = JobStatus.QUEUED, *, creator: User | None = None, **fields: Any) -> Import:
        organization = fields.pop("organization", None) or actors.organization
        dataset = fields.pop("dataset", None) or Dataset.objects.create(
            organization=organization, name=uuid.uuid4().hex
        )
        times = {"options": {"dry_run": False}} | fields
        return Import.objects.create(dataset=dataset, status=status, created_by=creator, **times)

    return make


def listed(person: Person, query: str = "") -> list[str]:
    answer = person.api.get(f"/api/v1/jobs{query}")
    assert answer.status_code == 200, answer.content
    return [job["id"] for job in answer.json()["results"]]


def test_a_job_is_shown_with_what_it_works_on_and_how_it_stands(actors: Actors, make_job: MakeJob) -> None:
    row = make_job(
        JobStatus.FAILED,
        creator=actors.analyst.user,
        attempt=2,
        error_code="datasets.too_many_rejects",
        error_detail="9 of 10 rows were rejected.",
        error_trace="Traceback of ours",
    )
    answer = actors.viewer.api.get(f"/api/v1/jobs/{row.pk}")
    body = answer.json()
    assert answer.status_code == 200
    assert body["target"] == {
        "type": "datasets.dataset",
        "id": str(row.dataset_id),
        "url": f"/api/v1/datasets/{row.dataset_id}",
    }
    assert body["error"] == {"code": "datasets.too_many_rejects", "detail": "9 of 10 rows were rejected."}
    shown = [body[name] for name in ("kind", "queue", "status", "attempt", "max_attempts", "dead")]
    assert shown == ["datasets.import", "default", "failed", 2, 5, True]
    assert body["created_by"]["id"] == str(actors.analyst.user.pk)  # type: ignore[union-attr]
    assert (body["cancel_requested"], body["next_attempt_at"]) == (False, None)
    assert "Traceback" not in answer.content.decode()


def test_jobs_of_strangers_of_deleted_datasets_and_of_the_installation_are_not_there(
    actors: Actors, make_job: MakeJob
) -> None:
    own = make_job()
    foreign = make_job(organization=actors.stranger.organization)
    gone = make_job()
    Dataset.objects.filter(pk=gone.dataset_id).update(deleted_at=timezone.now())
    mail = Mail.objects.create(to="a@example.com", template="notice")

    for name in ("admin", "viewer", "key"):
        assert listed(actors[name]) == [str(own.pk)]
    for job_id in (foreign.pk, gone.pk, mail.pk):
        assert actors.admin.api.get(f"/api/v1/jobs/{job_id}").status_code == 404
        for verb in ("cancel", "retry", "discard"):
            assert actors.admin.api.post(f"/api/v1/jobs/{job_id}/{verb}").status_code == 404
    assert actors.anonymous.api.get("/api/v1/jobs").status_code == 401
    assert {str(job.pk) for job in Job.objects.all()} >= {str(mail.pk), str(foreign.pk)}


def test_a_key_that_may_not_view_a_product_sees_none_of_its_jobs(actors: Actors, make_job: MakeJob) -> None:
    row = make_job()
    _, raw = create_api_key(
        actor=actors.admin.actor, name="Other", role=Role.VIEWER, scopes=["accounts:read"]
    )
    blind = Person("blind", raw_key=raw)
    assert listed(blind) == []
    assert blind.api.get(f"/api/v1/jobs/{row.pk}").status_code == 404


def test_the_list_is_filtered_searched_sorted_and_paged(actors: Actors, make_job: MakeJob) -> None:
    done = make_job(JobStatus.SUCCEEDED)
    failed = make_job(JobStatus.FAILED, error_detail="Nothing fits.")
    discarded = make_job(JobStatus.FAILED, discarded_at=timezone.now())
    newest = make_job()
    ids = [str(row.pk) for row in (newest, discarded, failed, done)]

    assert listed(actors.viewer) == ids
    assert listed(actors.viewer, "?sort=created_at") == ids[::-1]
    assert listed(actors.viewer, "?status=succeeded&status=queued") == [ids[0], ids[3]]
    assert listed(actors.viewer, "?dead=true") == [ids[2]]
    assert listed(actors.viewer, "?dead=false") == [ids[0], ids[1], ids[3]]
    assert listed(actors.viewer, "?kind=datasets.import") == ids
    assert listed(actors.viewer, "?kind=accounts.mail") == []
    assert listed(actors.viewer, "?search=fits") == [ids[2]]
    for wrong in ("?dead=perhaps", "?status=odd", "?sort=error_trace", "?colour=red"):
        assert actors.viewer.api.get(f"/api/v1/jobs{wrong}").status_code == 422, wrong

    seen, url = [], "/api/v1/jobs?page_size=1&count=true"
    while url:
        page = actors.viewer.api.get(url).json()
        assert page["count"] == 4
        seen += [job["id"] for job in page["results"]]
        url = page["next"]
    assert seen == ids


def test_the_summary_counts_by_status_and_kind(actors: Actors, make_job: MakeJob) -> None:
    oldest = make_job()
    make_job()
    make_job(JobStatus.FAILED)
    make_job(JobStatus.FAILED, discarded_at=timezone.now())
    make_job(organization=actors.stranger.organization)
    summary = actors.viewer.api.get("/api/v1/jobs/summary").json()
    counts = {"queued": 2, "waiting": 0, "running": 0, "succeeded": 0, "failed": 2, "cancelled": 0, "dead": 1}
    assert {name: summary[name] for name in counts} == counts
    assert summary["oldest_queued_at"].startswith(oldest.queued_at.strftime("%Y-%m-%dT%H:%M:%S"))
    assert [(kind["kind"], kind["queued"]) for kind in summary["kinds"]] == [("datasets.import", 2)]


def test_whoever_started_a_job_and_managers_cancel_it_and_others_do_not(
    actors: Actors, make_job: MakeJob
) -> None:
    row = make_job(creator=actors.analyst.user)
    url = f"/api/v1/jobs/{row.pk}/cancel"
    assert actors.viewer.api.post(url).status_code == 403
    assert actors.stranger.api.post(url).status_code == 404

    answer = actors.analyst.api.post(url)
    assert (answer.status_code, answer.json()["status"]) == (202, "cancelled")
    assert answer["Location"] == f"/api/v1/jobs/{row.pk}"
    assert actors.manager.api.post(url).status_code == 202  # repeatable
    entry = AuditEntry.objects.get(verb="accounts.job_cancelled", actor_id=actors.analyst.user.pk)  # type: ignore[union-attr]
    assert (entry.target_id, entry.organization) == (str(row.pk), actors.organization)


def test_a_key_cancels_only_what_it_started_itself(actors: Actors, make_job: MakeJob) -> None:
    key = actors.key.key
    assert key is not None
    own = make_job(creator=key.created_by, initiator_key_id=key.pk)
    its_creators = make_job(creator=key.created_by)
    assert actors.key.api.post(f"/api/v1/jobs/{own.pk}/cancel").status_code == 202
    assert actors.key.api.post(f"/api/v1/jobs/{its_creators.pk}/cancel").status_code == 403


def test_cancelling_a_running_job_is_a_wish_and_a_finished_one_a_conflict(
    actors: Actors, make_job: MakeJob
) -> None:
    running, done = make_job(JobStatus.RUNNING), make_job(JobStatus.SUCCEEDED)
    body = actors.manager.api.post(f"/api/v1/jobs/{running.pk}/cancel").json()
    assert (body["status"], body["cancel_requested"]) == ("running", True)
    answer = actors.manager.api.post(f"/api/v1/jobs/{done.pk}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (409, "job.not_cancellable")


def test_managers_retry_and_admins_discard_dead_letters(actors: Actors, make_job: MakeJob) -> None:
    row = make_job(JobStatus.FAILED, attempt=5, error_code="job.internal")
    retry, discard = (f"/api/v1/jobs/{row.pk}/{verb}" for verb in ("retry", "discard"))
    assert actors.analyst.api.post(retry).status_code == 403
    assert actors.manager.api.post(discard).status_code == 403

    assert actors.admin.api.post(discard).json()["dead"] is False
    answer = actors.manager.api.post(retry)
    assert (answer.status_code, answer.json()["code"]) == (409, "job.not_retryable")

    other = make_job(JobStatus.FAILED, attempt=5, error_code="job.internal")
    body = actors.manager.api.post(f"/api/v1/jobs/{other.pk}/retry").json()
    assert (body["status"], body["attempt"], body["error"]) == ("queued", 0, None)
    done = make_job(JobStatus.SUCCEEDED)
    for verb in ("retry", "discard"):
        answer = actors.admin.api.post(f"/api/v1/jobs/{done.pk}/{verb}")
        assert (answer.status_code, answer.json()["code"]) == (409, "job.not_retryable")


def test_edge_6_a_revoked_keys_queued_jobs_fail(actors: Actors, make_job: MakeJob) -> None:
    key = actors.key.key
    assert key is not None
    row = make_job(creator=key.created_by, initiator_key_id=key.pk)
    revoke_api_key(actor=actors.admin.actor, api_key=key)
    jobs.execute("datasets.import", row.pk)
    row.refresh_from_db()
    assert (row.status, row.error_code) == ("failed", "job.permission_lost")


@pytest.mark.parametrize("loss", ["demoted", "removed", "deactivated", "suspended"])
def test_a_job_does_not_start_once_its_initiator_lost_the_right(
    actors: Actors, make_job: MakeJob, loss: str
) -> None:
    user = actors.analyst.user
    assert user is not None
    row = make_job(creator=user)
    if loss == "demoted":
        user.memberships.update(role="viewer")
    elif loss == "removed":
        user.memberships.all().delete()
    elif loss == "deactivated":
        user.is_active = False
        user.save()
    else:
        actors.organization.suspended_at = timezone.now()
        actors.organization.save()
    jobs.execute("datasets.import", row.pk)
    row.refresh_from_db()
    assert (row.status, row.error_code) == ("failed", "job.permission_lost")


def test_topics_of_jobs_are_for_those_who_see_them(actors: Actors, make_job: MakeJob) -> None:
    row = make_job()
    one = f"jobs.{row.pk}"
    for topic in ("jobs", one):
        find_topic(actors.viewer.actor, topic).check_row(actors.viewer.actor, topic)
    with pytest.raises(NotFound):
        find_topic(actors.stranger.actor, one).check_row(actors.stranger.actor, one)
    key, _ = create_api_key(
        actor=actors.admin.actor, name="Other", role=Role.VIEWER, scopes=["accounts:read"]
    )
    blind = resolve_key(key)
    for topic in ("jobs", one):
        with pytest.raises(NotFound):
            find_topic(blind, topic).check_row(blind, topic)


def test_the_list_runs_the_same_queries_for_any_number_of_jobs(
    actors: Actors, make_job: MakeJob, same_queries: Check
) -> None:
    api = actors.viewer.api
    same_queries(
        "GET /api/v1/jobs",
        lambda: make_job(creator=actors.analyst.user),
        lambda: api.get("/api/v1/jobs"),
    )
