"""Jobs: the row is the truth, whatever happens to messages and workers."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import structlog
from billiard.exceptions import SoftTimeLimitExceeded
from django.db import OperationalError, connection
from django.db.models.functions import Now
from django.utils import timezone
from structlog.testing import capture_logs

from apps.accounts.models import Organization
from apps.common import jobs
from apps.common.db import JobStatus
from apps.common.errors import Conflict
from apps.common.jobs import JobKind, Run, Transient, kinds
from apps.common.jobs.kinds import _kinds
from apps.common.jobs.lifecycle import backoff, claim, lease_lock
from apps.common.jobs.run import worker_is_stopping
from apps.common.locks import lock_key
from apps.datasets.models import Dataset, Import
from tests.factories.accounts import UserFactory

pytestmark = pytest.mark.django_db(transaction=True)

Body = Callable[[Run[Import]], None]


class Overfull(Conflict):
    """The store is full."""

    code = "test.overfull"


@pytest.fixture
def declare() -> Iterator[Callable[..., JobKind[Import]]]:
    """Declare a kind on the imports' table for one test; the product's own kinds are put aside."""
    before = dict(_kinds)
    _kinds.clear()

    def declare_kind(body: Body, **options: Any) -> JobKind[Import]:
        options = {"model": "datasets.Import", "organization_path": "dataset__organization_id"} | options
        declared: JobKind[Import] = jobs.job(kind="test.work", **options)(body)
        return declared

    yield declare_kind
    _kinds.clear()
    _kinds.update(before)


@pytest.fixture
def organization() -> Organization:
    return Organization.objects.create(name="Harbour", slug=f"harbour-{uuid.uuid4().hex[:8]}")


@pytest.fixture
def queued(organization: Organization) -> Callable[..., Import]:
    """Make a queued row of a dataset of its own."""

    def make(**fields: Any) -> Import:
        dataset = Dataset.objects.create(organization=organization, name=uuid.uuid4().hex)
        return Import.objects.create(dataset=dataset, **fields)

    return make


@pytest.fixture
def nudged(monkeypatch: pytest.MonkeyPatch) -> list[uuid.UUID]:
    """Collect the rows for which a message is sent."""
    found: list[uuid.UUID] = []
    monkeypatch.setattr(kinds, "send_nudge", lambda _kind, row_id, _queue: found.append(row_id))
    return found


def nothing(_run: Run[Import]) -> None:
    """Do nothing, successfully."""


def test_a_message_delivered_twice_runs_the_job_once(
    declare: Callable[..., JobKind[Import]], queued: Callable[..., Import]
) -> None:
    """Edge case 13."""
    ran: list[Any] = []
    kind = declare(lambda run: ran.append(run.row.pk))
    row = queued()
    jobs.execute(kind.kind, row.pk)
    jobs.execute(kind.kind, row.pk)
    row.refresh_from_db()
    assert ran == [row.pk]
    assert (row.status, row.progress, row.attempt, row.lease_token) == ("succeeded", 1.0, 1, None)
    assert row.finished_at is not None


def test_an_anticipated_error_fails_the_job_with_its_code(
    declare: Callable[..., JobKind[Import]], queued: Callable[..., Import]
) -> None:
    def body(_run: Run[Import]) -> None:
        raise Overfull("Nothing fits in any more.")

    ended: list[str] = []
    kind = declare(body)
    kind.on_end(lambda row: ended.append(row.status))
    row = queued()
    jobs.execute(kind.kind, row.pk)
    row.refresh_from_db()
    assert (row.status, row.error_code, row.error_detail) == (
        "failed",
        "test.overfull",
        "Nothing fits in any more.",
    )
    assert ended == ["failed"]


def test_an_unforeseen_error_is_kept_with_its_trace_for_operators_only(
    declare: Callable[..., JobKind[Import]], queued: Callable[..., Import]
) -> None:
    def body(_run: Run[Import]) -> None:
        raise ZeroDivisionError("secret inner detail")

    kind = declare(body)
    row = queued()
    jobs.execute(kind.kind, row.pk)
    row.refresh_from_db()
    assert (row.status, row.error_code) == ("failed", "job.internal")
    assert "secret inner detail" not in row.error_detail
    assert "ZeroDivisionError" in row.error_trace


@pytest.mark.parametrize("error", [Transient("The store is away."), OperationalError("gone")])
def test_a_passing_fault_is_tried_again_later_until_the_attempts_are_used(
    declare: Callable[..., JobKind[Import]], queued: Callable[..., Import], error: Exception
) -> None:
    def body(_run: Run[Import]) -> None:
        raise error

    kind = declare(body)
    row = queued(max_attempts=2)
    jobs.execute(kind.kind, row.pk)
    row.refresh_from_db()
    assert (row.status, row.attempt) == ("queued", 1)
    assert row.run_after is not None

    jobs.execute(kind.kind, row.pk)
    row.refresh_from_db()
    assert (row.status, row.attempt) == ("queued", 1), "it ran before its time"

    Import.objects.filter(pk=row.pk).update(run_after=Now())
    jobs.execute(kind.kind, row.pk)
    row.refresh_from_db()
    assert (row.status, row.attempt) == ("failed", 2)
    assert row.error_code in {"job.transient", "job.attempts_exhausted"}


def test_cancelling_a_queued_job_ends_it_at_once(
    declare: Callable[..., JobKind[Import]], queued: Callable[..., Import]
) -> None:
    kind = declare(nothing)
    row = queued()
    jobs.cancel(kind, row)
    jobs.execute(kind.kind, row.pk)
    row.refresh_from_db()
    assert row.status == "cancelled"
    jobs.cancel(kind, row)  # repeatable


def test_cancelling_a_running_job_stops_it_at_its_next_step(
    declare: Callable[..., JobKind[Import]], queued: Callable[..., Import]
) -> None:
    def body(run: Run[Import]) -> None:
        jobs.cancel(kind, Import.objects.get(pk=run.row.pk))
        run.progress(0.5, stage="half")
        raise AssertionError("went on")

    kind = declare(body)
    row = queued()
    jobs.execute(kind.kind, row.pk)
    row.refresh_from_db()
    assert (row.status, row.error_code) == ("cancelled", "")


def test_cancelling_a_finished_job_is_refused(
    declare: Callable[..., JobKind[Import]], queued: Callable[..., Import]
) -> None:
    """Edge case 14."""
    kind = declare(nothing)
    row = queued()
    jobs.execute(kind.kind, row.pk)
    with pytest.raises(jobs.JobNotCancellable):
        jobs.cancel(kind, row)


def test_a_paused_workers_late_writes_match_no_row(
    declare: Callable[..., JobKind[Import]], queued: Callable[..., Import]
) -> None:
    """Edge case 13."""

    def body(run: Run[Import]) -> None:
        # Another worker takes the job over while this one sleeps.
        Import.objects.filter(pk=run.row.pk).update(lease_token=uuid.uuid4())
        run.progress(0.9, stage="late", rows_read=7, accepted=7)

    kind = declare(body)
    row = queued()
    jobs.execute(kind.kind, row.pk)
    row.refresh_from_db()
    assert (row.status, row.rows_read, row.stage) == ("running", 0, "")


def test_a_lost_worker_gives_its_job_back_and_the_third_loss_fails_it(
    declare: Callable[..., JobKind[Import]], queued: Callable[..., Import]
) -> None:
    declare(nothing)
    row = queued(max_attempts=9)
    for expected in ("queued", "queued", "failed"):
        Import.objects.filter(pk=row.pk).update(
            status=JobStatus.RUNNING, lease_token=uuid.uuid4(), lease_until=Now() - timedelta(seconds=1)
        )
        jobs.reap_jobs()
        row.refresh_from_db()
        assert row.status == expected
    assert row.error_code == "job.worker_lost"


@contextmanager
def another_connection() -> Iterator[Any]:
    """Work as another worker does: over a connection of its own."""
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            yield cursor
    finally:
        other.close()


def running_under_lease(queued: Callable[..., Import], token: uuid.UUID, **fields: Any) -> Import:
    times = {"started_at": timezone.now(), "lease_until": timezone.now() + timedelta(seconds=30)}
    return queued(status=JobStatus.RUNNING, lease_token=token, **times | fields)


def test_a_job_within_its_lease_is_left_alone_while_its_worker_is_only_paused(
    declare: Callable[..., JobKind[Import]], queued: Callable[..., Import]
) -> None:
    declare(nothing)
    token = uuid.uuid4()
    row = running_under_lease(queued, token)
    with another_connection() as worker:
        worker.execute("SELECT pg_advisory_lock(%s)", [lock_key(lease_lock(token))])
        jobs.reap_jobs()
        row.refresh_from_db()
        assert (row.status, row.lease_token, row.workers_lost) == ("running", token, 0)


def test_a_job_is_taken_over_at_once_when_its_workers_connection_is_gone(
    declare: Callable[..., JobKind[Import]], queued: Callable[..., Import]
) -> None:
    """Edge case 13."""
    declare(nothing)
    row = running_under_lease(queued, uuid.uuid4())
    jobs.reap_jobs()
    row.refresh_from_db()
    assert (row.status, row.lease_token, row.workers_lost) == ("queued", None, 1)


def test_after_a_restart_of_the_database_only_the_lease_says_that_a_worker_is_lost(
    declare: Callable[..., JobKind[Import]], queued: Callable[..., Import]
) -> None:
    declare(nothing)
    row = running_under_lease(queued, uuid.uuid4(), started_at=timezone.now() - timedelta(days=9))
    jobs.reap_jobs()
    row.refresh_from_db()
    assert row.status == "running"


def test_a_message_that_comes_again_because_its_worker_died_runs_the_job(
    declare: Callable[..., JobKind[Import]], queued: Callable[..., Import]
) -> None:
    kind = declare(nothing)
    row = running_under_lease(queued, uuid.uuid4(), attempt=1)
    jobs.execute(kind.kind, row.pk)
    row.refresh_from_db()
    assert (row.status, row.attempt, row.workers_lost) == ("succeeded", 2, 1)


def test_a_job_that_was_killed_at_its_hard_limit_fails_as_too_long(
    declare: Callable[..., JobKind[Import]], queued: Callable[..., Import]
) -> None:
    declare(nothing)
    long_ago = timezone.now() - timedelta(seconds=661)
    row = running_under_lease(queued, uuid.uuid4(), started_at=long_ago, lease_until=long_ago)
    jobs.reap_jobs()
    row.refresh_from_db()
    assert (row.status, row.error_code) == ("failed", "job.timeout")


def test_a_soft_limit_ends_a_job_and_puts_a_resumable_one_back_uncounted(
    declare: Callable[..., JobKind[Import]], queued: Callable[..., Import]
) -> None:
    def body(_run: Run[Import]) -> None:
        raise SoftTimeLimitExceeded

    for is_resumable, expected in ((False, ("failed", "job.timeout", 1)), (True, ("queued", "", 0))):
        kind = declare(body, is_resumable=is_resumable)
        row = queued()
        jobs.execute(kind.kind, row.pk)
        row.refresh_from_db()
        assert (row.status, row.error_code, row.attempt) == expected


def test_the_waits_between_attempts_grow_and_spread() -> None:
    for attempt, step_s in enumerate((5, 20, 60, 300, 900, 900), 1):
        waits = [backoff(attempt).total_seconds() / step_s for _ in range(200)]
        assert 0.5 <= min(waits) < 0.7
        assert 1.3 < max(waits) <= 1.5


def test_a_fault_that_says_when_to_come_back_is_tried_again_then(
    declare: Callable[..., JobKind[Import]], queued: Callable[..., Import]
) -> None:
    def body(_run: Run[Import]) -> None:
        raise Transient("Not before an hour.", retry_after_s=3_600)

    kind = declare(body)
    row = queued()
    jobs.execute(kind.kind, row.pk)
    row.refresh_from_db()
    assert row.run_after is not None
    assert 3_590 < (row.run_after - timezone.now()).total_seconds() <= 3_600


def test_a_job_queued_past_its_expiry_fails(
    declare: Callable[..., JobKind[Import]], queued: Callable[..., Import]
) -> None:
    declare(nothing)
    row = queued()
    Import.objects.filter(pk=row.pk).update(expires_at=Now() - timedelta(seconds=1))
    jobs.reap_jobs()
    row.refresh_from_db()
    assert (row.status, row.error_code) == ("failed", "job.expired")


def test_a_job_whose_initiator_lost_the_right_does_not_run(
    declare: Callable[..., JobKind[Import]], queued: Callable[..., Import]
) -> None:
    ran: list[Any] = []
    kind = declare(ran.append, may_run=lambda _row: False)
    row = queued()
    jobs.execute(kind.kind, row.pk)
    row.refresh_from_db()
    assert (row.status, row.error_code, ran) == ("failed", "job.permission_lost", [])


def test_beyond_its_organizations_share_a_job_stays_queued(
    declare: Callable[..., JobKind[Import]], queued: Callable[..., Import], settings: Any
) -> None:
    settings.JOB_ORG_CONCURRENCY = 2
    kind = declare(nothing)
    for _ in range(2):
        queued(status=JobStatus.RUNNING, lease_token=uuid.uuid4())
    row = queued()
    jobs.execute(kind.kind, row.pk)
    row.refresh_from_db()
    assert row.status == "queued"


def test_a_job_that_was_turned_away_starts_when_another_of_its_organization_ends(
    declare: Callable[..., JobKind[Import]],
    queued: Callable[..., Import],
    settings: Any,
    nudged: list[uuid.UUID],
) -> None:
    settings.JOB_ORG_CONCURRENCY = 1
    later = queued()
    kind = declare(lambda _run: jobs.execute("test.work", later.pk))
    jobs.execute(kind.kind, queued().pk)
    later.refresh_from_db()
    assert (later.status, nudged) == ("queued", [later.pk])


def test_an_organization_trains_one_model_at_a_time_and_works_on_beside_it(
    declare: Callable[..., JobKind[Import]], queued: Callable[..., Import]
) -> None:
    kind = declare(nothing)
    running_under_lease(queued, uuid.uuid4(), queue="training")
    training, other = queued(queue="training"), queued()
    for row in (training, other):
        claimed = claim(kind, row.pk, uuid.uuid4())
        assert (claimed is None) == (row is training)


def test_jobs_of_the_installation_itself_know_no_organizations_share(
    declare: Callable[..., JobKind[Import]], queued: Callable[..., Import], settings: Any
) -> None:
    settings.JOB_ORG_CONCURRENCY = 1
    kind = declare(nothing, organization_path="")
    running_under_lease(queued, uuid.uuid4())
    row = queued()
    jobs.execute(kind.kind, row.pk)
    row.refresh_from_db()
    assert row.status == "succeeded"


def test_a_rows_own_queue_decides_where_its_message_goes(
    declare: Callable[..., JobKind[Import]], queued: Callable[..., Import], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(kinds, "send_nudge", lambda _kind, _row_id, queue: sent.append(queue.name))
    kind = declare(nothing, queue="notifications")
    assert kind.columns() == {"queue": "notifications", "priority": 3, "max_attempts": 8}
    kind.enqueue(queued(**kind.columns()).pk)
    kind.enqueue(queued(**kind.columns("high_priority")).pk)
    assert sent == ["notifications", "high_priority"]


def test_a_worker_that_shuts_down_puts_its_job_back_uncounted(
    declare: Callable[..., JobKind[Import]], queued: Callable[..., Import]
) -> None:
    def body(run: Run[Import]) -> None:
        worker_is_stopping.value = 1
        run.progress(0.5, stage="half")

    kind = declare(body)
    row = queued()
    try:
        jobs.execute(kind.kind, row.pk)
    finally:
        worker_is_stopping.value = 0
    row.refresh_from_db()
    assert (row.status, row.attempt, row.run_after) == ("queued", 0, None)


def test_progress_never_falls_within_an_attempt(
    declare: Callable[..., JobKind[Import]], queued: Callable[..., Import]
) -> None:
    seen: list[float] = []

    def body(run: Run[Import]) -> None:
        for stage, fraction in (("a", 0.2), ("b", 0.6), ("c", 0.4)):
            run.progress(fraction, stage=stage)
            seen.append(Import.objects.get(pk=run.row.pk).progress)

    kind = declare(body)
    jobs.execute(kind.kind, queued().pk)
    assert seen == [0.2, 0.6, 0.6]


def test_retry_queues_a_failed_job_with_fresh_attempts_and_refuses_any_other(
    declare: Callable[..., JobKind[Import]], queued: Callable[..., Import]
) -> None:
    kind = declare(nothing)
    row = queued(status=JobStatus.FAILED, attempt=5, error_code="job.internal")
    jobs.retry(kind, row)
    assert (row.status, row.attempt, row.error_code) == ("queued", 0, "")
    with pytest.raises(jobs.JobNotRetryable):
        jobs.retry(kind, row)


def test_run_due_needs_no_broker(
    declare: Callable[..., JobKind[Import]], queued: Callable[..., Import]
) -> None:
    declare(nothing)
    rows = [queued() for _ in range(3)]
    assert jobs.run_due() == 3
    assert {Import.objects.get(pk=row.pk).status for row in rows} == {"succeeded"}


def test_every_line_of_a_job_says_which_it_is_and_for_whom(
    declare: Callable[..., JobKind[Import]], queued: Callable[..., Import], organization: Organization
) -> None:
    user = UserFactory.create()
    row = queued(created_by=user, request_id="request-1")
    kind = declare(lambda run: structlog.get_logger().info("at_work"))
    with capture_logs([structlog.contextvars.merge_contextvars]) as lines:
        jobs.execute(kind.kind, row.pk)
    assert [line["event"] for line in lines] == ["job_started", "at_work", "job_ended"]
    for line in lines:
        assert (line["job_kind"], line["job_id"]) == ("test.work", str(row.pk))
        assert (line["user_id"], line["organization_id"]) == (str(user.pk), str(organization.pk))
        assert line["request_id"] == "request-1"
