"""What people say about themselves."""

import uuid
from typing import Any
from zoneinfo import available_timezones

from django.db import transaction

from apps.accounts.models import Membership, User
from apps.accounts.services.audit import record_audit
from apps.common.errors import FieldError, Invalid

FIELDS = ("name", "locale", "time_zone", "default_organization_id")


@transaction.atomic
def update_profile(*, user: User, **changes: Any) -> User:
    """Change name, locale, time_zone or default_organization_id.

    Raises Invalid for an unknown zone, and for an organization that the user is no member of.
    """
    user = User.objects.select_for_update().get(pk=user.pk)
    given = {field: changes[field] for field in FIELDS if field in changes}
    new = {field: value for field, value in given.items() if value != getattr(user, field)}
    if "time_zone" in new and new["time_zone"] not in available_timezones():
        raise Invalid(errors=[FieldError("There is no such time zone.", pointer="/time_zone")])
    if new.get("default_organization_id") is not None:
        _check_belonging(user, new["default_organization_id"])
    if new:
        for field, value in new.items():
            setattr(user, field, value)
        user.save(update_fields=[*new, "updated_at"])
        # Only which: what people say about themselves must not be sealed for good.
        record_audit(
            actor=user, verb="accounts.profile_changed", target=user, changes={"fields": sorted(new)}
        )
    return user


def _check_belonging(user: User, organization_id: uuid.UUID) -> None:
    memberships = Membership.objects.filter(user=user, organization__deleted_at__isnull=True)
    if not memberships.filter(organization_id=organization_id).exists():
        detail = "You are no member of this organization."
        raise Invalid(errors=[FieldError(detail, pointer="/default_organization_id")])
