"""Passwords: which are accepted, and whether one is right."""

import unicodedata
import uuid

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.services import lockout
from apps.accounts.services.audit import record_audit
from apps.accounts.services.safety_notices import tell_of_lock, tell_of_new_password
from apps.accounts.services.sessions import revoke_sessions
from apps.common.errors import FieldError, Invalid, Unauthenticated
from apps.common.origin import current_origin

PASSWORD_MAX_LENGTH = 128


class InvalidCredentials(Unauthenticated):
    """The address or the password is wrong."""

    code = "auth.invalid_credentials"


def normalized_password(password: str) -> str:
    """Return a password in the one form it is hashed in: the same keys give other bytes on other systems."""
    return unicodedata.normalize("NFKC", password)


def accepted_password(password: str, user: User, *, field: str = "password") -> str:
    """Return a new password in its normal form; raises Invalid, pointing to `field`, for a weak one."""
    normalized = normalized_password(password)
    if len(normalized) > PASSWORD_MAX_LENGTH:
        detail = f"A password has at most {PASSWORD_MAX_LENGTH} characters."
        raise Invalid(errors=[FieldError(detail, code="password_too_long", pointer=f"/{field}")])
    try:
        validate_password(normalized, user)
    except ValidationError as error:
        items = [
            FieldError(" ".join(each.messages), code=each.code or "password_weak", pointer=f"/{field}")
            for each in error.error_list
        ]
        raise Invalid(errors=items) from error
    return normalized


def verify_password(*, email: str, password: str) -> User:
    """Return the active user of an address if the password is right; the one way in by a password.

    Every door comes through here, so failures are counted in one way. An unknown address costs one hash and
    one count as well. Raises InvalidCredentials, SignInLocked.
    """
    now, ip = timezone.now(), current_origin().ip
    lockout.refuse_locked(email=email, ip=ip, now=now)
    user: User | None = User.objects.with_email(email).first()
    is_right = _is_right(user, normalized_password(password))
    # Again: of many attempts at once, those that end after the lock have come too late, right or wrong.
    lockout.refuse_locked(email=email, ip=ip, now=now)
    if user is None or not is_right or not user.is_active:
        _note_failure(user, email=email)
        raise InvalidCredentials
    return user


def change_password(*, user: User, session_id: uuid.UUID | None, current: str, new: str) -> User:
    """Set a new password; all sessions of the user but the one in use end.

    Raises InvalidCredentials if `current` is wrong, SignInLocked, and Invalid for a weak new one.
    """
    verify_password(email=user.email, password=current)
    return set_password(user=user, password=new, field="new", keep=session_id)


@transaction.atomic
def set_password(*, user: User, password: str, field: str, keep: uuid.UUID | None = None) -> User:
    """Set a password that its user has a right to set, and end their sessions, perhaps but one."""
    # Locked so that of two changes at once the later one sees, and ends, what the earlier one left.
    user = User.objects.select_for_update().get(pk=user.pk)
    user.set_password(accepted_password(password, user, field=field))
    user.save(update_fields=["password", "updated_at"])
    revoke_sessions(user=user, reason="password_changed", but=keep)
    entry = record_audit(actor=user, verb="auth.password_changed", target=user, changes={"password": "***"})
    tell_of_new_password(user, entry.pk)
    return user


def _is_right(user: User | None, password: str) -> bool:
    if user is None:
        User().set_password(password)  # as long as a check takes
        return False
    return user.check_password(password)


@transaction.atomic
def _note_failure(user: User | None, *, email: str) -> None:
    """Count and record a failed attempt; who tried is not proven, so the user is only its target."""
    now, ip = timezone.now(), current_origin().ip
    record_audit(actor=None, verb="auth.sign_in_failed", target=user)
    if lockout.count_failure(email=email, ip=ip, now=now):
        entry = record_audit(actor=None, verb="auth.address_locked", target=user)
        if user is not None:
            tell_of_lock(user, entry.pk)
