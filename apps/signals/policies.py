"""What an organization decides about its signals, made with the usual values when first asked for."""

import datetime as dt
from typing import Final

from apps.accounts.models import Organization
from apps.signals.models import Policy, RoleType

# The hats an organization starts with; it may rename, retire and add some.
FIRST_ROLE_TYPES: Final = {
    "clinical_leadership": "Clinical leadership",
    "nursing_leadership": "Nursing leadership",
    "administration": "Administration",
}
RELAPSE_DEFAULT: Final = (2, 3)


def policy_of(organization: Organization) -> Policy:
    """Return the organization's policy; makes it if missing, also for two askers at once."""
    policy, _ = Policy.objects.get_or_create(organization=organization)
    return policy


def role_types_of(organization: Organization) -> list[RoleType]:
    """Return the role types by code, retired ones too; makes the first three for who has none."""
    found = list(RoleType.objects.filter(organization=organization).order_by("code"))
    if found:
        return found
    RoleType.objects.bulk_create(
        (
            RoleType(organization=organization, code=code, label=label)
            for code, label in FIRST_ROLE_TYPES.items()
        ),
        ignore_conflicts=True,  # two may ask for the first time at once
    )
    return list(RoleType.objects.filter(organization=organization).order_by("code"))


def relapse_rule(policy: Policy, signal_type: str) -> tuple[int, int]:
    """Return (k, n): how many of how many last observations reopen a signal of this type."""
    k, n = policy.relapse.get(signal_type) or policy.relapse.get("default") or RELAPSE_DEFAULT
    return int(k), int(n)


def day_of(instant: dt.datetime) -> dt.date:
    """Return the UTC day of an instant, as effective dates are counted."""
    return instant.astimezone(dt.UTC).date()
