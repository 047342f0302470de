"""Jobs of all kinds as one table to read: the UNION of the tables whose rows are jobs.

There is no such table. `Job` is a model without one; what its queries read from is put together from the
registered kinds, so that filters, cursors, search and the admin work on jobs as on any other row.
"""

import uuid
from collections.abc import Sequence
from typing import Any, Final, Self

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.expressions import Expression
from django.db.models.functions import Cast
from django.db.models.sql import Query
from django.db.models.sql.datastructures import BaseTable
from django.urls import reverse

from apps.accounts.models.api_key import KeyReader
from apps.accounts.models.organization import Organization
from apps.accounts.models.user import User
from apps.common.db import JobStatus
from apps.common.jobs import JobKind, Listing, find_kind, iter_kinds

Source = tuple[JobKind[Any], models.QuerySet[Any]]

STATE_COLUMNS: Final = (
    "status", "stage", "progress", "attempt", "max_attempts", "workers_lost", "queue", "run_after",
    "queued_at", "started_at", "heartbeat_at", "finished_at", "expires_at", "error_code", "error_detail",
    "error_trace", "cancel_requested_at", "discarded_at", "request_id", "initiator_key_id", "created_at",
)  # fmt: skip
OWN_COLUMNS: Final = ("id", "kind", "organization_id", "created_by_id", "target_id")


class KindsTable(BaseTable):
    """Stands where a query names its table, for the rows of all kinds."""

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[str | int, ...]]:
        """Return the UNION under the table's alias."""
        branches = [_branch(*source).query.sql_with_params() for source in compiler.query.sources]
        quote = connection.ops.quote_name
        columns = ", ".join(quote(name) for name in (*OWN_COLUMNS, *STATE_COLUMNS))
        union = " UNION ALL ".join(sql for sql, _params in branches)
        parameters = tuple(value for _sql, params in branches for value in params)
        return f"({union}) {quote(self.table_alias)} ({columns})", parameters


class JobQuery(Query):
    """A query over the rows of kinds, each narrowed on its own."""

    base_table_class = KindsTable
    sources: Sequence[Source] = ()


def _branch(kind: JobKind[Any], rows: models.QuerySet[Any]) -> models.QuerySet[Any, Any]:
    """Return one kind's rows with the columns of all, under names that no model has."""
    listing = kind.listing
    own: dict[str, Any] = {
        "id": F("pk"),
        "kind": Cast(Value(kind.kind), models.TextField()),
        "organization_id": F(kind.organization_path) if kind.organization_path else _no_id(),
        "created_by_id": F(listing.creator_path) if listing else _no_id(),
        "target_id": F(listing.target_path) if listing else _no_id(),
    }
    columns = own | {name: F(name) for name in STATE_COLUMNS}
    named = {f"job_{name}": expression for name, expression in columns.items()}
    found: models.QuerySet[Any, Any] = rows.annotate(**named).values_list(*named)
    return found


def _seen_rows(kind: JobKind[Any], listing: Listing, actor: KeyReader) -> models.QuerySet[Any]:
    rows = kind.rows.filter(**{kind.organization_path: actor.organization.pk})
    return listing.visible_to(listing.narrow(rows), actor)


def _no_id() -> Expression:
    return Cast(Value(None), models.UUIDField())


class JobQuerySet(models.QuerySet["Job"]):
    """Reads of jobs."""

    def visible_to(self, actor: KeyReader) -> Self:
        """Narrow to the jobs of the actor's organization whose product the actor may look at."""
        sources = [
            (kind, _seen_rows(kind, kind.listing, actor))
            for kind in iter_kinds()
            if kind.listing is not None and kind.organization_path and actor.may(kind.listing.permission)
        ]
        if not sources:
            return self.none()
        narrowed = self.all()
        narrowed.query.sources = sources  # type: ignore[attr-defined]
        return narrowed

    def dead(self) -> Self:
        """Narrow to the dead letters: failed and not discarded."""
        return self.filter(DEAD)

    def exclude_dead(self) -> Self:
        """Leave out the dead letters."""
        return self.exclude(DEAD)


class JobManager(models.Manager.from_queryset(JobQuerySet)):  # type: ignore[misc]
    """Starts from the rows of all kinds, those of the installation itself too."""

    def get_queryset(self) -> JobQuerySet:
        """Return all jobs."""
        query = JobQuery(self.model)
        query.sources = [(kind, kind.rows) for kind in iter_kinds()]
        return JobQuerySet(self.model, query=query, using=self._db)


DEAD: Final = Q(status=JobStatus.FAILED, discarded_at__isnull=True)


class Job(models.Model):
    """One job of any kind: to be read; what changes it is a service, which works on the owner's row."""

    id = models.UUIDField(primary_key=True)
    kind = models.TextField()
    organization = models.ForeignKey(
        Organization, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    created_by = models.ForeignKey(
        User, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    target_id = models.UUIDField(null=True)
    status = models.TextField(choices=JobStatus.choices)
    stage = models.TextField()
    progress = models.FloatField()
    attempt = models.PositiveSmallIntegerField()
    max_attempts = models.PositiveSmallIntegerField()
    workers_lost = models.PositiveSmallIntegerField()
    queue = models.TextField()
    run_after = models.DateTimeField(null=True)
    queued_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    error_code = models.TextField()
    error_detail = models.TextField()
    error_trace = models.TextField()
    cancel_requested_at = models.DateTimeField(null=True)
    discarded_at = models.DateTimeField(null=True)
    request_id = models.TextField()
    initiator_key_id = models.UUIDField(null=True)
    created_at = models.DateTimeField()

    objects = JobManager()

    class Meta:
        managed = False
        db_table = "jobs"
        # Nothing may look for the table itself.
        base_manager_name = "objects"

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    @property
    def declared_kind(self) -> JobKind[Any]:
        """Return the kind as it was declared."""
        return find_kind(self.kind)

    @property
    def is_dead(self) -> bool:
        """Tell whether the job lies among the dead letters."""
        return self.status == JobStatus.FAILED and self.discarded_at is None

    @property
    def is_cancellable(self) -> bool:
        """Tell whether there is something left to cancel."""
        return not JobStatus(self.status).is_final

    @property
    def next_attempt_at(self) -> Any:
        """Return when a queued job is tried again, None if at once or never."""
        return self.run_after if self.status == JobStatus.QUEUED else None

    @property
    def target_type(self) -> str:
        """Return what the job works on, empty for a job of the installation itself."""
        listing = self.declared_kind.listing
        return listing.target_type if listing else ""

    @property
    def target_url(self) -> str:
        """Return the address of what the job works on in the API."""
        listing = self.declared_kind.listing
        return reverse(listing.target_url_name, args=[str(self.target_id)]) if listing else ""

    def may_be_cancelled_by(self, actor: KeyReader, *, user_id: uuid.UUID | None) -> bool:
        """Tell whether somebody may cancel the job and there is something left to cancel."""
        is_allowed = actor.may("accounts.manage_jobs") or self.is_started_by(user_id, None)
        return self.is_cancellable and is_allowed

    def is_started_by(self, user_id: uuid.UUID | None, key_id: uuid.UUID | None) -> bool:
        """Tell whether a person, or a program with a key, started the job; a key's creator counts as well."""
        if key_id is not None:
            return key_id == self.initiator_key_id
        return user_id is not None and user_id == self.created_by_id
