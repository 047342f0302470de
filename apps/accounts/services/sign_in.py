"""Sign-in: by the API for tokens, by pages for a cookie; what both note about it."""

import uuid

from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.utils import timezone

from apps.accounts import queries
from apps.accounts.models import Organization, Session, User
from apps.accounts.services import lockout
from apps.accounts.services.audit import record_audit
from apps.accounts.services.passwords import verify_password
from apps.accounts.services.safety_notices import tell_of_new_place
from apps.accounts.services.sessions import (
    PageMark,
    note_reauthentication,
    open_page_session,
    open_token_session,
)
from apps.accounts.services.token_pairs import TokenPair, issue_pair
from apps.common.errors import Forbidden
from apps.common.origin import current_origin


class EmailUnverified(Forbidden):
    """The address is not confirmed yet.

    Open the link in the mail that was sent at sign-up; `/auth/verify-email/resend` sends another one.
    """

    code = "auth.email_unverified"


def authenticate(*, email: str, password: str) -> User:
    """Return who may sign in by this password.

    Raises InvalidCredentials, SignInLocked, and EmailUnverified, which only who knows the password gets.
    """
    user = verify_password(email=email, password=password)
    if user.email_verified_at is None:
        raise EmailUnverified
    return user


def sign_in(*, email: str, password: str, label: str = "") -> TokenPair:
    """Open a token session. Raises what `authenticate` raises."""
    user = authenticate(email=email, password=password)
    with transaction.atomic():
        session = open_token_session(user=user, label=label, reauthenticated_at=timezone.now())
        _note_sign_in(user, session)
    return _first_pair(user, session)


@transaction.atomic
def sign_in_page(*, user: User, page: SessionBase) -> None:
    """Note that a page's session was signed in; one that had been already proves the same user again."""
    mark = PageMark.of(page)
    if mark is not None:
        note_reauthentication(user=user, session_id=mark.session_id)
        return
    _note_sign_in(user, open_page_session(user=user, page=page))


def reauthenticate(*, user: User, session_id: uuid.UUID | None, password: str) -> None:
    """Prove again by the password who is calling. Raises InvalidCredentials, SignInLocked."""
    verify_password(email=user.email, password=password)
    lockout.forget_failures(email=user.email, ip=current_origin().ip)
    if session_id is not None:
        note_reauthentication(user=user, session_id=session_id)


@transaction.atomic
def open_tokens_of_page(*, user: User, page_session_id: uuid.UUID, label: str = "") -> TokenPair:
    """Open a token session for who is signed in by a page; it is as recently proven as the page."""
    page = Session.objects.get(pk=page_session_id)
    proven_at = page.reauthenticated_at or page.created_at
    session = open_token_session(user=user, label=label, reauthenticated_at=proven_at)
    record_audit(actor=user, verb="auth.tokens_opened", target=session)
    return _first_pair(user, session)


def _note_sign_in(user: User, session: Session) -> None:
    """Record a sign-in and start the count of failures from here anew."""
    lockout.forget_failures(email=user.email, ip=current_origin().ip)
    User.objects.filter(pk=user.pk).update(last_login=timezone.now())
    record_audit(actor=user, verb="auth.signed_in", target=session, changes={"kind": session.kind})
    tell_of_new_place(session)


def _first_pair(user: User, session: Session) -> TokenPair:
    organization = _starting_organization(user)
    return issue_pair(session, organization.pk if organization else None)


def _starting_organization(user: User) -> Organization | None:
    """Return the organization a new session is active in; none is no obstacle to signing in."""
    try:
        return queries.resolve_member(user).organization
    except queries.NoOrganization:
        return None
