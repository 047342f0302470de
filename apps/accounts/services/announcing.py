"""Live events of the platform's own topics, sent after commit."""

import uuid
from collections.abc import Iterable

from apps.accounts.models import Session
from apps.accounts.topics import ORGANIZATION, SESSION
from apps.common import live


def announce_revoked_sessions(sessions: Iterable[Session], *, reason: str) -> None:
    """Tell each session's user that it ended, and close its websockets."""
    for session in sessions:
        live.publish(
            user_id=session.user_id,
            topic=SESSION,
            type="session.revoked",
            data={"id": session.pk, "kind": session.kind, "reason": reason},
        )
        live.revoke(session_id=session.pk)


def announce_organization(organization_id: uuid.UUID, *changed: str) -> None:
    """Tell everybody in an organization what changed about it: its own fields, `members`, `invitations`."""
    live.publish(
        organization_id=organization_id,
        topic=ORGANIZATION,
        type="organization.changed",
        data={"id": organization_id, "changed": changed},
    )
