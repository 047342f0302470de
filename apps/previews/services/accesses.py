"""Lines of the access log. Written at every visit, so by plain statements: to compile them costs more."""

from typing import Any, Final

from django.db import connection

from apps.common.db import uuid7
from apps.common.origin import current_origin
from apps.previews.announcing import announce_access
from apps.previews.models import Device, Session
from apps.previews.states import AccessKind
from apps.previews.tokens import network_of, possible_device_hashes

AGENT_CHARS: Final = 200

LINE: Final = """
INSERT INTO previews_access
    (id, created_at, updated_at, organization_id, session_id, at, kind, device_id, network, agent, bytes)
VALUES (%(id)s, now(), now(), %(organization)s, %(session)s, now(), %(kind)s, %(device)s, %(network)s,
    %(agent)s, %(bytes)s)
"""
# Looks the device up on the way. Devices poll every few seconds: such a line is not worth the wait until it
# lies on the disk, so those of the last second before a crash of the database may be missing.
POLL: Final = """
WITH device AS (
    SELECT id, ended_at FROM previews_device WHERE session_id = %(session)s AND device_hash = ANY(%(hashes)s)
    LIMIT 1
)
INSERT INTO previews_access
    (id, created_at, updated_at, organization_id, session_id, at, kind, device_id, network, agent, bytes)
SELECT %(id)s, now(), now(), %(organization)s, %(session)s, now(), %(kind)s, (SELECT id FROM device),
    %(network)s, %(agent)s, %(bytes)s
FROM set_config('synchronous_commit', 'off', true)
WHERE NOT EXISTS (SELECT FROM device WHERE ended_at IS NOT NULL)
"""


def log_access(session: Session, kind: AccessKind, *, device: Device | None = None, length: int = 0) -> None:
    """Write one line of the access log, one statement, and tell who watches the session."""
    line = _line_of(session, kind) | {"device": device and device.pk, "bytes": length}
    with connection.cursor() as cursor:
        cursor.execute(LINE, line)
    announce_access(session, kind)


def log_poll(session: Session, device_id: str) -> bool:
    """Write that a device asked how things stand; False, and no line, for one whose slot was taken back.

    One statement, in no transaction; nobody is told.
    """
    hashes = possible_device_hashes(session.pk, device_id)
    line = _line_of(session, AccessKind.RESOLVE) | {"hashes": hashes, "bytes": 0}
    with connection.cursor() as cursor:
        cursor.execute(POLL, line)
        return bool(cursor.rowcount)


def _line_of(session: Session, kind: AccessKind) -> dict[str, Any]:
    origin = current_origin()
    return {
        "id": uuid7(),
        "organization": session.organization_id,
        "session": session.pk,
        "kind": kind.value,
        "network": network_of(origin.ip),
        "agent": origin.user_agent[:AGENT_CHARS],
    }
