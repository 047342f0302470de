"""The kinds of jobs: which row, which queue, which function."""

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import structlog
from celery import current_app
from django.apps import apps
from django.conf import settings
from django.db import models, transaction
from kombu.exceptions import OperationalError as BrokerError
from redis import RedisError

from apps.common.db import JobState

if TYPE_CHECKING:
    from apps.common.jobs.run import Run

R = TypeVar("R", bound=JobState)
Rows = models.QuerySet[Any]

MESSAGE_NAME: Final = "sextant.run_job"
# After a failed call the broker is left alone this long, so that its loss slows no request down twice.
BROKER_PAUSE_S: Final = 1.0

_broker_untried_until_s = 0.0

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Queue:
    """What holds for every job of one queue (platform.md section 13)."""

    name: str
    message_expiry_s: int
    soft_limit_s: int
    hard_limit_s: int
    attempts: int
    priority: int


# Valkey's smaller number is served first; the broker's transport knows four steps.
QUEUES: Final = {
    queue.name: queue
    for queue in (
        Queue("high_priority", 3_600, 60, 90, attempts=5, priority=0),
        Queue("default", 3_600, 600, 660, attempts=5, priority=3),
        Queue("notifications", 3_600, 60, 90, attempts=8, priority=3),
        Queue("low_priority", 86_400, 1_800, 1_860, attempts=3, priority=9),
        Queue("training", 7_200, 3_600, 3_660, attempts=2, priority=9),
    )
}


@dataclass(slots=True)
class JobKind(Generic[R]):
    """One declared kind; made by `@job`.

    `organization_path` leads from the row to its organization's id; empty for what belongs to none, which
    counts towards no organization's limit. `own_rows` narrows the model's rows to the kind's own, for kinds
    that share a model. `claimable` narrows the rows that may
    start now (say, one per dataset, in order). `may_run` tells whether the initiator still may; asked at the
    claim.
    """

    kind: str
    model_label: str
    queue: Queue
    body: "Callable[[Run[R]], None]"
    organization_path: str = "organization_id"
    own_rows: Callable[[Rows], Rows] = field(default=lambda rows: rows)
    claimable: Callable[[Rows], Rows] = field(default=lambda rows: rows)
    may_run: Callable[[R], bool] = field(default=lambda _row: True)
    # Soft time limit: a resumable job goes back to its queue, uncounted; another fails with job.timeout.
    is_resumable: bool = False
    change_hooks: list[Callable[[R], None]] = field(default_factory=list)
    end_hooks: list[Callable[[R], None]] = field(default_factory=list)

    @property
    def model(self) -> type[R]:
        """Return the model whose rows carry the jobs."""
        model: type[R] = apps.get_model(self.model_label)
        return model

    @property
    def rows(self) -> Rows:
        """Return all rows of the kind."""
        return self.own_rows(models.QuerySet(self.model))

    def on_change(self, hook: Callable[[R], None]) -> Callable[[R], None]:
        """Register a function to be called with the row after each committed change of its state."""
        self.change_hooks.append(hook)
        return hook

    def on_end(self, hook: Callable[[R], None]) -> Callable[[R], None]:
        """Register a function to be called with the row once it has succeeded, failed or been cancelled.

        A worker may die before the call, so what must happen belongs into the job's own transactions.
        """
        self.end_hooks.append(hook)
        return hook

    def enqueue(self, row_id: uuid.UUID) -> None:
        """Send the nudge once the surrounding transaction has committed.

        A lost message loses nothing: the reaper finds every queued row.
        """
        transaction.on_commit(lambda: self.nudge(row_id))

    def nudge(self, row_id: uuid.UUID) -> None:
        """Send the message now; without a broker say so and leave the row to the reaper."""
        global _broker_untried_until_s  # noqa: PLW0603 - one broker per process
        if time.monotonic() < _broker_untried_until_s:
            return
        try:
            self.send(row_id)
        except (BrokerError, RedisError, OSError) as error:
            _broker_untried_until_s = time.monotonic() + BROKER_PAUSE_S
            logger.warning("job_not_nudged", job_kind=self.kind, job_id=str(row_id), error=str(error))

    def send(self, row_id: uuid.UUID) -> None:
        """Send the message; raises when there is no broker."""
        current_app.send_task(
            MESSAGE_NAME,
            kwargs={"kind": self.kind, "id": str(row_id)},
            queue=self.queue.name,
            priority=self.queue.priority,
            expires=self.queue.message_expiry_s,
            soft_time_limit=self.queue.soft_limit_s,
            time_limit=self.queue.hard_limit_s,
            retry=False,
            ignore_result=True,
        )


_kinds: dict[str, JobKind[Any]] = {}


def job(
    *,
    kind: str,
    model: str,
    queue: str = "default",
    organization_path: str = "organization_id",
    own_rows: Callable[[Rows], Rows] | None = None,
    claimable: Callable[[Rows], Rows] | None = None,
    may_run: Callable[[Any], bool] | None = None,
    is_resumable: bool = False,
) -> "Callable[[Callable[[Run[R]], None]], JobKind[R]]":
    """Declare a function as the body of a kind of job on the rows of `model`."""

    def declare(body: "Callable[[Run[R]], None]") -> JobKind[R]:
        declared: JobKind[R] = JobKind(
            kind=kind,
            model_label=model,
            queue=QUEUES[queue],
            body=body,
            organization_path=organization_path,
            is_resumable=is_resumable,
        )
        if own_rows is not None:
            declared.own_rows = own_rows
        if claimable is not None:
            declared.claimable = claimable
        if may_run is not None:
            declared.may_run = may_run
        _kinds[kind] = declared
        return declared

    return declare


def find_kind(kind: str) -> JobKind[Any]:
    """Return a declared kind; raises KeyError."""
    return _kinds[kind]


def iter_kinds() -> Iterator[JobKind[Any]]:
    """Yield every declared kind."""
    yield from _kinds.values()


def organization_limit() -> int:
    """Return how many jobs of one organization may run at once."""
    limit: int = settings.JOB_ORG_CONCURRENCY
    return limit
