"""What the installation's operators do to people, in the admin: lock, unlock, end sessions."""

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import Session, User
from apps.accounts.services import lockout
from apps.accounts.services.audit import record_audit
from apps.accounts.services.sessions import revoke_session, revoke_sessions
from apps.common import live

REASON = "operator"


@transaction.atomic
def lock_user(*, user: User, operator: User) -> None:
    """Lock somebody out: no sign-in, no token, no cookie from the next request on. Repeatable."""
    User.objects.filter(pk=user.pk).update(is_active=False, updated_at=timezone.now())
    live.revoke(user_id=user.pk)
    record_audit(actor=operator, verb="accounts.user_locked", target=user)


@transaction.atomic
def unlock_user(*, user: User, operator: User) -> None:
    """Let somebody in again, and forget their failed sign-ins. Repeatable."""
    User.objects.filter(pk=user.pk).update(is_active=True, updated_at=timezone.now())
    lockout.unlock(email=user.email)
    record_audit(actor=operator, verb="accounts.user_unlocked", target=user)


@transaction.atomic
def end_sessions(*, user: User, operator: User) -> int:
    """Sign somebody out everywhere; return how many sessions that ended."""
    ended = revoke_sessions(user=user, reason=REASON)
    record_audit(actor=operator, verb="accounts.sessions_ended", target=user, changes={"sessions": ended})
    return ended


@transaction.atomic
def end_session(*, session: Session, operator: User) -> None:
    """Sign somebody out in one place. Repeatable."""
    revoke_session(session=session, reason=REASON)
    record_audit(actor=operator, verb="accounts.sessions_ended", target=session.user, changes={"sessions": 1})
