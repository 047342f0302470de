"""What people are told about their account and their organizations."""

from typing import Final

from apps.common.notices import Level, NoticeKind

NOTICES: Final = (
    NoticeKind(
        name="accounts.session_reused",
        title="A session was ended because its refresh token was used twice",
        level=Level.CRITICAL,
        is_security=True,
    ),
    NoticeKind(
        name="accounts.new_sign_in",
        title="Somebody signed in from a new address with a new program",
        level=Level.WARNING,
        is_security=True,
    ),
    NoticeKind(
        name="accounts.address_locked",
        title="Sign-in was locked after too many failed attempts",
        level=Level.WARNING,
        is_security=True,
    ),
    NoticeKind(
        name="accounts.password_changed",
        title="Your password was changed",
        level=Level.WARNING,
        is_security=True,
    ),
    NoticeKind(
        name="accounts.managing_key_created",
        title="An API key that may manage was made in your name",
        level=Level.WARNING,
        is_security=True,
    ),
    NoticeKind(name="accounts.invited", title="Somebody invited you into an organization"),
    NoticeKind(name="accounts.role_changed", title="Your role in an organization was changed"),
    NoticeKind(
        name="accounts.membership_ended",
        title="You were removed from an organization",
        level=Level.WARNING,
    ),
)
