"""The policy of an organization; the settings are what it starts from."""

import uuid
from typing import Final

from django.conf import settings

from apps.common.prepared import Prepared
from apps.metrics.models import Policy

# Every request that sends points asks for it.
POLICY_BY_ID: Final = Prepared(
    lambda organization_id: Policy.objects.filter(pk=organization_id), "organization_id"
)


def policy_of(organization_id: uuid.UUID) -> Policy:
    """Return an organization's policy, made when it is first asked for."""
    found = POLICY_BY_ID.first(organization_id=organization_id)
    if found is None:
        Policy.objects.bulk_create([_initial(organization_id)], ignore_conflicts=True)
        found = Policy.objects.get(pk=organization_id)
    return found


def _initial(organization_id: uuid.UUID) -> Policy:
    return Policy(
        organization_id=organization_id,
        skew_past_s=settings.METRICS_SKEW_PAST_S,
        skew_future_s=settings.METRICS_SKEW_FUTURE_S,
        raw_days=settings.METRICS_RAW_DAYS,
        rollup_15m_days=settings.METRICS_ROLLUP_15M_DAYS,
        rollup_1h_days=settings.METRICS_ROLLUP_1H_DAYS,
        max_metrics=settings.METRICS_MAX_METRICS,
        lanes=settings.METRICS_LANES,
    )
