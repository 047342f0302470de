"""Registration, confirmation of an address, forgotten passwords (platform.md section 4).

What is asked for by an address alone is written down and answered by a job: known and unknown addresses cost
the caller the same, in time as in words.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from apps.accounts import links, queries
from apps.accounts.letters import page_address
from apps.accounts.links import LinkInvalid, Purpose
from apps.accounts.models import AccountRequest, User
from apps.accounts.models.account_request import RequestAction
from apps.accounts.services import lockout
from apps.accounts.services.audit import record_audit
from apps.accounts.services.invitations import accept_invitation
from apps.accounts.services.mails import send_mail
from apps.accounts.services.organizations import create_organization
from apps.accounts.services.passwords import accepted_password, set_password
from apps.common.encryption import seal, unseal
from apps.common.errors import DomainError, Forbidden, NotFound
from apps.common.jobs import Run, job
from apps.common.origin import Origin, current_origin, served_for

Payload = Mapping[str, str]
PAGES: Final[dict[Purpose, str]] = {"verify": "accounts:verify-email", "reset": "accounts:reset-password"}


class SignupClosed(Forbidden):
    """Nobody can register here without an invitation.

    Ask an administrator of your organization to invite you.
    """

    code = "accounts.signup_closed"


def register(*, email: str, name: str, password: str, invitation_token: str = "") -> None:
    """Take a registration; a mail tells its address how it goes on, also if it is known already.

    Raises SignupClosed, Invalid for a weak password, NotFound for an invitation that is not this address's.
    """
    email = email.strip()
    _refuse_uninvited(email, invitation_token)
    accepted = accepted_password(password, User(email=email, name=name))
    values = {"email": email, "name": name, "hash": make_password(accepted), "invitation": invitation_token}
    _ask(RequestAction.REGISTER, values)


def ask_for_verification(*, email: str) -> None:
    """Have the mail that confirms an address sent again, if it waits for that."""
    _ask(RequestAction.VERIFY, {"email": email})


def ask_for_reset(*, email: str) -> None:
    """Have a link sent that sets a new password, if somebody has the address."""
    _ask(RequestAction.RESET, {"email": email})


@transaction.atomic
def verify_email(*, key: str) -> User:
    """Note that an address is its user's; they get an organization if they have none. Raises LinkInvalid."""
    user = _user_of("verify", key)
    _confirm(user)
    return user


@transaction.atomic
def reset_password(*, key: str, password: str) -> User:
    """Set a new password by a link from a mail; all sessions end, and the address is unlocked.

    Raises LinkInvalid, and Invalid for a weak password, which leaves the link as it is.
    """
    user = set_password(user=_user_of("reset", key), password=password, field="password")
    lockout.unlock(email=user.email)
    record_audit(actor=user, verb="auth.password_reset", target=user)
    # Who got the mail has the address.
    if user.email_verified_at is None:
        _confirm(user)
    return user


@job(
    kind="accounts.account_request",
    model="accounts.AccountRequest",
    queue="high_priority",
    organization_path="",
)
def answer_account_request(run: Run[AccountRequest]) -> None:
    """Do what was asked for by an address, and blank the request, in one transaction."""
    row = run.row
    payload: Payload = json.loads(unseal(row.payload, place=row.payload_place))
    origin = Origin(ip=payload["ip"] or None, user_agent=payload["user_agent"], request_id=row.request_id)
    with served_for(origin), transaction.atomic():
        ANSWERS[RequestAction(row.action)](payload)
        run.succeed(payload=b"")


def _ask(action: RequestAction, values: dict[str, str]) -> None:
    origin = current_origin()
    row = AccountRequest(
        action=action,
        queue=answer_account_request.queue.name,
        max_attempts=answer_account_request.queue.attempts,
        request_id=origin.request_id,
    )
    payload = values | {"ip": origin.ip or "", "user_agent": origin.user_agent}
    row.payload = seal(json.dumps(payload).encode(), place=row.payload_place)
    row.save(force_insert=True)
    answer_account_request.enqueue(row.pk)


def _refuse_uninvited(email: str, token: str) -> None:
    invitation = queries.find_invitation(token) if token else None
    is_invited = invitation is not None and invitation.email.lower() == email.lower()
    needs_invitation = settings.SIGNUP_MODE == "invite"
    if settings.SIGNUP_MODE == "closed" or (needs_invitation and not is_invited):
        raise SignupClosed
    if token and not is_invited:
        raise NotFound("There is no such invitation for this address.")


def _answer_registration(payload: Payload) -> None:
    """Make the user, or tell a known address that it is one; an unconfirmed registration is replaced."""
    user = _locked(email=payload["email"]).first()
    if user is not None and user.email_verified_at is not None:
        reset = page_address(reverse("accounts:forgot-password"))
        send_mail(to=user.email, template="known_address", context={**_sign_in_link(), "reset": reset})
        return
    user = user or User(email=payload["email"])
    user.name, user.password = payload["name"], payload["hash"]
    user.save()
    record_audit(actor=user, verb="auth.registered", target=user)
    if payload["invitation"] and _has_joined(user, payload["invitation"]):
        send_mail(to=user.email, template="registered", context=_sign_in_link(), user=user)
    else:
        _send_link("verify", "verify_email", user)


def _has_joined(user: User, token: str) -> bool:
    """Let an invited user in: the token came by mail, so the address is theirs. False if it is too late."""
    try:
        with transaction.atomic():
            user.email_verified_at = timezone.now()
            user.save(update_fields=["email_verified_at", "updated_at"])
            accept_invitation(user=user, token=token)
    except DomainError:
        user.email_verified_at = None
        return False
    return True


def _answer_verification(payload: Payload) -> None:
    user = _locked(email=payload["email"], email_verified_at=None).first()
    if user is not None:
        _send_link("verify", "verify_email", user)


def _answer_reset(payload: Payload) -> None:
    user = _locked(email=payload["email"], is_active=True).first()
    if user is not None:
        record_audit(actor=None, verb="auth.password_reset_requested", target=user)
        _send_link("reset", "reset_password", user)


ANSWERS: Final[Mapping[RequestAction, Callable[[Payload], None]]] = {
    RequestAction.REGISTER: _answer_registration,
    RequestAction.VERIFY: _answer_verification,
    RequestAction.RESET: _answer_reset,
}


def _send_link(purpose: Purpose, template: str, user: User) -> None:
    link = page_address(reverse(PAGES[purpose], args=[links.make_key(purpose, user)]))
    send_mail(to=user.email, template=template, context={"name": user.name, "link": link}, user=user)


def _sign_in_link() -> dict[str, str]:
    return {"link": page_address(reverse("account_login"))}


def _user_of(purpose: Purpose, key: str) -> User:
    """Return a link's user, locked: of two uses at once the second finds the state changed."""
    user_id, state = links.read_key(purpose, key)
    user: User | None = User.objects.select_for_update().filter(pk=user_id).first()
    if user is None or links.state_of(purpose, user) != state:
        raise LinkInvalid
    return user


def _confirm(user: User) -> None:
    user.email_verified_at = timezone.now()
    user.save(update_fields=["email_verified_at", "updated_at"])
    record_audit(actor=user, verb="auth.email_verified", target=user)
    if not user.memberships.exists():
        create_organization(name=user.name, creator=user)


def _locked(*, email: str, **conditions: Any) -> Any:
    return User.objects.with_email(email).select_for_update().filter(**conditions)
