"""Filters of the lists of accounts."""

from apps.accounts.models import ActorType, ApiKey, AuditEntry, Job, Role
from apps.accounts.models.job import JobQuerySet
from apps.common.db import JobStatus
from apps.common.filters import TIME_BOUNDS, Choice, StrictFilterSet, any_text, id_of, one_of


class ApiKeyFilter(StrictFilterSet):
    """`role` (repeated means any of), and bounds of three times."""

    role = one_of(Role)

    class Meta:
        model = ApiKey
        fields = {"created_at": TIME_BOUNDS, "last_used_at": TIME_BOUNDS, "expires_at": TIME_BOUNDS}


class AuditFilter(StrictFilterSet):
    """Verb, actor and target by id or type, request, bounds of the time; repeated means any of."""

    verb = any_text()
    actor = id_of("actor")
    actor_type = one_of(ActorType)
    target = any_text("target_id")
    target_type = any_text()
    request_id = any_text()

    class Meta:
        model = AuditEntry
        fields = {"created_at": TIME_BOUNDS}


class JobFilter(StrictFilterSet):
    """`kind`, `status`, `queue` (repeated means any of), `dead=true` for dead letters, bounds of times."""

    kind = any_text()
    queue = any_text()
    status = one_of(JobStatus)
    dead = Choice(choices=[("true", "dead letters"), ("false", "all others")], method="filter_dead")

    class Meta:
        model = Job
        fields = {"created_at": TIME_BOUNDS, "finished_at": TIME_BOUNDS}

    def filter_dead(self, rows: JobQuerySet, _name: str, value: str) -> JobQuerySet:
        """Narrow to the dead letters, or to all others."""
        return rows.dead() if value == "true" else rows.exclude_dead()
