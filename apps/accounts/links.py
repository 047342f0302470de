"""Keys of links in mails: signed, good for a while, and once: what they lead to changes what they name."""

import datetime as dt
import hashlib
import uuid
from typing import Final, Literal

from django.core import signing

from apps.accounts.models import User
from apps.common.errors import Invalid

Purpose = Literal["verify", "reset"]

LIFETIMES: Final[dict[Purpose, dt.timedelta]] = {
    "verify": dt.timedelta(days=3),
    "reset": dt.timedelta(hours=1),
}


class LinkInvalid(Invalid):
    """The link has been used or has expired.

    Ask for another one; only the newest password or registration counts.
    """

    code = "auth.link_invalid"


def make_key(purpose: Purpose, user: User) -> str:
    """Return the key of a link for a user as they are now."""
    return signing.dumps({"user": user.pk.hex, "state": state_of(purpose, user)}, salt=f"accounts.{purpose}")


def read_key(purpose: Purpose, key: str) -> tuple[uuid.UUID, str]:
    """Return a key's user and the state it was made for; raises LinkInvalid."""
    try:
        found = signing.loads(key, salt=f"accounts.{purpose}", max_age=LIFETIMES[purpose])
        return uuid.UUID(found["user"]), found["state"]
    except (signing.BadSignature, ValueError, TypeError, KeyError) as error:
        raise LinkInvalid from error


def state_of(purpose: Purpose, user: User) -> str:
    """Return what a link is bound to: using it changes this, so it works once.

    A new password ends all links; so a registration that somebody else repeats does not confirm theirs.
    """
    parts = [user.email, user.password]
    if purpose == "verify":
        parts.append(str(user.email_verified_at))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
