"""What people are told about the safety of their account; always in the product and by mail."""

from typing import Final

from django.urls import reverse

from apps.accounts.models import ApiKey, Session, User
from apps.accounts.services.notifications import notify
from apps.common.origin import Origin, current_origin

AGENT_CHARS: Final = 200


def tell_of_reuse(session: Session) -> None:
    """Tell both places where a refresh token was used."""
    notify(
        user=session.user,
        kind="accounts.session_reused",
        title="A session was ended because its refresh token was used twice",
        body=(
            f"First from {_place(Origin(session.ip, session.user_agent))}. "
            f"Then from {_place(current_origin())}. "
            "Somebody may have copied the token. If one of these places is not yours, change your password."
        ),
        target=session,
        dedupe_key=f"session_reused:{session.pk}",
    )


def tell_of_new_place(session: Session) -> None:
    """Tell of a sign-in from an address and program that no session of the user had; not of the first."""
    earlier = Session.objects.filter(user_id=session.user_id).exclude(pk=session.pk)
    if not earlier.exists() or earlier.filter(ip=session.ip, user_agent=session.user_agent).exists():
        return
    notify(
        user=session.user,
        kind="accounts.new_sign_in",
        title="Somebody signed in to your account from a new place",
        body=f"From {_place(current_origin())}. If that was not you, change your password.",
        target=session,
        dedupe_key=f"new_sign_in:{session.pk}",
    )


def tell_of_lock(user: User, audit_id: object) -> None:
    """Tell that an address was locked after too many failed sign-ins from anywhere."""
    notify(
        user=user,
        kind="accounts.address_locked",
        title="Sign-in to your account is locked for half an hour",
        body=(
            f"There were 20 failed sign-ins within an hour, the last from {_place(current_origin())}. "
            "A new password, set by the link for a forgotten one, unlocks it at once."
        ),
        dedupe_key=f"address_locked:{audit_id}",
    )


def tell_of_new_password(user: User, audit_id: object) -> None:
    """Tell that the password was changed."""
    notify(
        user=user,
        kind="accounts.password_changed",
        title="The password of your account was changed",
        body=f"From {_place(current_origin())}. If that was not you, use the link for a forgotten password.",
        dedupe_key=f"password_changed:{audit_id}",
    )


def tell_of_managing_key(api_key: ApiKey) -> None:
    """Tell whoever made a key, if it may manage: it goes on without them, and does what they may."""
    managing = [scope for scope in api_key.scopes if scope.endswith(":manage")]
    if api_key.created_by is None or not managing:
        return
    notify(
        user=api_key.created_by,
        kind="accounts.managing_key_created",
        title=f"The API key {api_key.name} was made in your name",
        body=(
            f"It may do {', '.join(managing)} in {api_key.organization.name}, made from "
            f"{_place(current_origin())}. If that was not you, revoke it and change your password."
        ),
        organization=api_key.organization,
        target=api_key,
        page=reverse("accounts:keys"),
        dedupe_key=f"managing_key_created:{api_key.pk}",
    )


def _place(origin: Origin) -> str:
    agent = origin.user_agent[:AGENT_CHARS] or "an unknown program"
    return f"{origin.ip or 'an unknown address'} with {agent}"
