"""Filters of the lists of accounts."""

from apps.accounts.models import ActorType, ApiKey, AuditEntry, Role
from apps.common.filters import TIME_BOUNDS, StrictFilterSet, any_text, id_of, one_of


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
