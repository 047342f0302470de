"""The kinds of jobs: which row, which queue, which function."""

import functools
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from django.apps import apps
from django.db import models, transaction

from apps.common.db import JobState
from apps.common.jobs.announcing import announce_job
from apps.common.jobs.nudges import send_nudge
from apps.common.jobs.queues import QUEUES, Queue

if TYPE_CHECKING:
    from apps.common.jobs.run import Run

R = TypeVar("R", bound=JobState)
Rows = models.QuerySet[Any]

INTERNAL: Final = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """How the jobs of a kind are shown on `/jobs`: who sees them, and what they work on.

    `target_path` leads from the row to the id of its target, which lies at the address `target_url_name`.
    `narrow` leaves out rows that are gone for the organization (say, of a deleted dataset), `visible_to`
    those that not everybody with the permission sees (say, of somebody's private project).
    """

    permission: str
    target_type: str
    target_path: str
    target_url_name: str
    creator_path: str = "created_by_id"
    narrow: Callable[[Rows], Rows] = field(default=lambda rows: rows)
    visible_to: Callable[[Rows, Any], Rows] = field(default=lambda rows, _actor: rows)


@dataclass(slots=True)
class JobKind(Generic[R]):
    """One declared kind; made by `@job`.

    `organization_path` leads from the row to its organization's id; empty for what belongs to none,
    which no organization's share limits. `claimable` narrows the rows that may start now (say, one per
    dataset, in order). `may_run` tells whether the initiator still may; asked at the claim. Without a
    `listing` only operators see the jobs. `attempts` replaces those of the queue. `only` are the conditions
    that tell the kind's rows from those of other kinds in the same table.
    """

    kind: str
    model_label: str
    queue: Queue
    body: "Callable[[Run[R]], None]"
    organization_path: str = "organization_id"
    listing: Listing | None = None
    attempts: int | None = None
    claimable: Callable[[Rows], Rows] = field(default=lambda rows: rows)
    may_run: Callable[[R], bool] = field(default=lambda _row: True)
    # Soft time limit: a resumable job goes back to its queue, uncounted; another fails with job.timeout.
    is_resumable: bool = False
    only: Mapping[str, Any] = field(default_factory=dict)
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
        return models.QuerySet(self.model).filter(**self.only)

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

    def columns(self, queue: str = INTERNAL) -> dict[str, Any]:
        """Return what a new row must say of its queue, by default the kind's."""
        chosen = QUEUES[queue] if queue else self.queue
        return {
            "queue": chosen.name,
            "priority": chosen.priority,
            "max_attempts": self.attempts or chosen.attempts,
        }

    def organization_of(self, row: JobState) -> uuid.UUID | None:
        """Return the id of a row's organization; queries where it lies behind a relation."""
        if not self.organization_path:
            return None
        found: uuid.UUID | None = functools.reduce(getattr, self.organization_path.split("__"), row)  # type: ignore[assignment]
        return found

    def enqueue(self, row_id: uuid.UUID) -> None:
        """Tell watchers of the queued row and send the nudge, once the surrounding transaction has committed.

        A lost message loses nothing: the reaper finds every queued row.
        """
        transaction.on_commit(lambda: self._tell_and_nudge(row_id))

    def _tell_and_nudge(self, row_id: uuid.UUID) -> None:
        row = self.rows.filter(pk=row_id).first()
        if row is not None:
            self.tell(row)
            self.nudge(row.pk, row.queue)

    def tell(self, row: JobState) -> None:
        """Publish a row whose state was committed, and call the change hooks with it."""
        organization_id = self.organization_of(row) if self.listing else None
        if organization_id is not None:
            announce_job(kind=self.kind, organization_id=organization_id, row=row)
        for hook in self.change_hooks:
            hook(row)  # type: ignore[arg-type]

    def nudge(self, row_id: uuid.UUID, queue: str) -> None:
        """Send the message now; without a broker say so and leave the row to the reaper."""
        send_nudge(self.kind, row_id, QUEUES.get(queue, self.queue))


_kinds: dict[str, JobKind[Any]] = {}


def job(
    *,
    kind: str,
    model: str,
    queue: str = "default",
    organization_path: str = "organization_id",
    listing: Listing | None = None,
    attempts: int | None = None,
    claimable: Callable[[Rows], Rows] | None = None,
    may_run: Callable[[Any], bool] | None = None,
    is_resumable: bool = False,
    only: Mapping[str, Any] | None = None,
) -> "Callable[[Callable[[Run[R]], None]], JobKind[R]]":
    """Declare a function as the body of a kind of job on the rows of `model`."""

    def declare(body: "Callable[[Run[R]], None]") -> JobKind[R]:
        declared: JobKind[R] = JobKind(
            kind=kind,
            model_label=model,
            queue=QUEUES[queue],
            body=body,
            organization_path=organization_path,
            listing=listing,
            attempts=attempts,
            is_resumable=is_resumable,
            only=only or {},
        )
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
