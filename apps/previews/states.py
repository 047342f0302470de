"""The states of previews' rows, and the moves between them (previews.md section 4)."""

from collections.abc import Mapping
from typing import Final

from django.db import models


class Platform(models.TextChoices):
    """What a preview runs on."""

    IOS = "ios", "iOS"
    ANDROID = "android"
    WEB = "web"


class Access(models.TextChoices):
    """What it takes to open a preview: the token, or the token and being a member who sees the project."""

    TOKEN = "token"  # noqa: S105 - a word on the wire
    MEMBERS = "members"


class SessionStatus(models.TextChoices):
    """Where a session stands."""

    PENDING = "pending"
    UPLOADING = "uploading"
    VALIDATING = "validating"
    READY = "ready"
    EXPIRED = "expired"
    REVOKED = "revoked"
    FAILED = "failed"
    SOFT_DELETED = "soft_deleted"
    PURGED = "purged"

    @property
    def is_live(self) -> bool:
        """Tell whether the session can still be opened, now or later."""
        return self in LIVE


LIVE: Final = (
    SessionStatus.PENDING,
    SessionStatus.UPLOADING,
    SessionStatus.VALIDATING,
    SessionStatus.READY,
)
# Ended, and the bundle still there for staff.
ENDED: Final = (SessionStatus.EXPIRED, SessionStatus.REVOKED, SessionStatus.FAILED)

# Never back; each move is a conditional UPDATE.
MOVES: Final[Mapping[str, frozenset[str]]] = {
    "pending": frozenset({"uploading", "ready", "expired", "revoked"}),
    "uploading": frozenset({"validating", "pending", "failed", "expired", "revoked"}),
    "validating": frozenset({"ready", "pending", "failed", "expired", "revoked"}),
    # Failed by the next revision: the fifth refused bundle of a session, whichever it was for.
    "ready": frozenset({"expired", "revoked", "failed"}),
    "expired": frozenset({"soft_deleted"}),
    "revoked": frozenset({"soft_deleted"}),
    "failed": frozenset({"soft_deleted"}),
    "soft_deleted": frozenset({"purged"}),
    "purged": frozenset(),
}


class UploadStep(models.TextChoices):
    """How far an upload has come: that of the first content, and later that of a next revision."""

    PENDING = "pending"
    UPLOADING = "uploading"
    VALIDATING = "validating"


class TokenKind(models.TextChoices):
    """What a secret opens: a session, or (a grant) the bytes of its bundle."""

    OWNER = "owner"
    DOWNLOAD = "download"


class AccessKind(models.TextChoices):
    """What somebody did with a preview."""

    RESOLVE = "resolve"
    GRANT = "grant"
    DOWNLOAD = "download"
    OPEN = "open"
    REFUSED = "refused"


class Stage(models.TextChoices):
    """The stages of clean-up, in order."""

    EXPIRED = "expired"
    SOFT_DELETED = "soft_deleted"
    PURGED = "purged"
