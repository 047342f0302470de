"""Filters of the lists of accounts."""

from apps.accounts.models import ApiKey, Role
from apps.common.filters import TIME_BOUNDS, StrictFilterSet, one_of


class ApiKeyFilter(StrictFilterSet):
    """`role` (repeated means any of), and bounds of three times."""

    role = one_of(Role)

    class Meta:
        model = ApiKey
        fields = {"created_at": TIME_BOUNDS, "last_used_at": TIME_BOUNDS, "expires_at": TIME_BOUNDS}
