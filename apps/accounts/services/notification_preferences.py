"""What a user wants to be told, and by which ways."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from apps.accounts.models import NotificationPreference, User
from apps.accounts.queries import NoticePreference, notice_preferences
from apps.common.errors import FieldError, Invalid
from apps.common.locks import lock_in_transaction


@dataclass(frozen=True, slots=True)
class PreferenceChange:
    """What shall change for one kind; None leaves a way as it is."""

    kind: str
    in_app: bool | None = None
    email: bool | None = None
    sms: bool | None = None


@transaction.atomic
def set_notice_preferences(*, user: User, changes: Sequence[PreferenceChange]) -> list[NoticePreference]:
    """Change preferences of some kinds and return those of all.

    Raises Invalid for an unknown kind or one named twice, for switching off a notice about the safety of the
    account, and for SMS, which nothing sends.
    """
    # Two changes at once, each of another way of one kind, must not undo each other.
    lock_in_transaction(f"notice-preferences:{user.pk}")
    held = {preference.kind: preference for preference in notice_preferences(user)}
    errors = [error for number, change in enumerate(changes) for error in _errors(number, change, held)]
    names = [change.kind for change in changes]
    errors += [
        FieldError("This kind is named twice.", code="duplicate", pointer=f"/preferences/{number}/kind")
        for number, name in enumerate(names)
        if name in names[:number]
    ]
    if errors:
        raise Invalid(errors=errors)
    NotificationPreference.objects.bulk_create(
        [_row(user, change, held[change.kind]) for change in changes],
        update_conflicts=True,
        unique_fields=["user", "kind"],
        update_fields=["in_app", "email", "updated_at"],
    )
    return notice_preferences(user)


def _row(user: User, change: PreferenceChange, held: NoticePreference) -> NotificationPreference:
    return NotificationPreference(
        user=user,
        kind=change.kind,
        in_app=held.in_app if change.in_app is None else change.in_app,
        email=held.email if change.email is None else change.email,
    )


def _errors(number: int, change: PreferenceChange, held: dict[str, NoticePreference]) -> list[FieldError]:
    place = f"/preferences/{number}"
    preference = held.get(change.kind)
    if preference is None:
        return [FieldError("There is no such kind of notice.", code="kind_unknown", pointer=f"{place}/kind")]
    errors = []
    for way, wanted in (("in_app", change.in_app), ("email", change.email)):
        if preference.is_security and wanted is False:
            detail = "Notices about the safety of your account cannot be switched off."
            errors.append(FieldError(detail, code="security_notice", pointer=f"{place}/{way}"))
    if change.sms:
        detail = "This installation sends no SMS."
        errors.append(FieldError(detail, code="sms_unavailable", pointer=f"{place}/sms"))
    return errors
