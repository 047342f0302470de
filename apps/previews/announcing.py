"""What subscribers hear about previews, after the commit: ids and states, never tokens, addresses or codes.

The topic `previews` says that lists have changed and names nothing: who watches it may not see every project.
"""

import uuid
from collections.abc import Mapping
from typing import Any, Final

from apps.common import live
from apps.previews.models import Session

PREVIEWS: Final = "previews"


def topic_of(session_id: uuid.UUID) -> str:
    """Return the topic of one session."""
    return f"{PREVIEWS}.{session_id}"


def announce_status(session: Session, status: str) -> None:
    """Publish that a session has moved, and that lists are stale."""
    _publish(session, "status.changed", {"status": status, "next_status": session.next_status})
    announce_lists(session.organization_id)


def announce_upload(session: Session) -> None:
    """Publish how far the upload of a session has come by now, as its row says."""
    session.refresh_from_db(fields=["status", "next_status"])
    announce_status(session, session.status)


def announce_device(session: Session, device_id: uuid.UUID, *, is_bound: bool) -> None:
    """Publish that a device took a slot, or lost it."""
    _publish(session, "device.bound" if is_bound else "device.removed", {"device": str(device_id)})
    announce_lists(session.organization_id)


def announce_access(session: Session, kind: str) -> None:
    """Publish that somebody did something with a session."""
    _publish(session, "accessed", {"kind": kind})


def announce_expiry(session: Session) -> None:
    """Publish that a session ends within two minutes."""
    _publish(session, "expires_soon", {"expires_at": session.expires_at})


def announce_lists(organization_id: uuid.UUID) -> None:
    """Publish that lists of previews have changed."""
    live.publish(topic=PREVIEWS, type="lists.stale", data={}, organization_id=organization_id)


def _publish(session: Session, type_: str, data: Mapping[str, Any]) -> None:
    live.publish(
        topic=topic_of(session.pk),
        type=type_,
        data={"id": str(session.pk), **data},
        organization_id=session.organization_id,
    )
