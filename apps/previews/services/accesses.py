"""Lines of the access log, and the grants of devices that come again.

Written at every visit, so by plain statements: to compile them costs more.
"""

import datetime as dt
import uuid
from typing import Any, Final

from django.db import connection

from apps.common.db import uuid7
from apps.common.origin import current_origin
from apps.previews.announcing import announce_access
from apps.previews.models import Bundle, Session
from apps.previews.states import AccessKind, TokenKind
from apps.previews.tokens import PREFIX_CHARS, network_of, possible_device_hashes, stored_hash

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
# A device that has its slot is granted the bundle, and that is logged. Lost in a crash, neither is there: the
# device asks again.
AGAIN: Final = """
WITH device AS (
    UPDATE previews_device SET last_seen_at = now()
    WHERE session_id = %(session)s AND device_hash = ANY(%(hashes)s) AND ended_at IS NULL
    RETURNING id
), granted AS (
    INSERT INTO previews_token
        (id, created_at, updated_at, organization_id, session_id, kind, hash, prefix, device_id, bundle_id,
        expires_at)
    SELECT %(token)s, now(), now(), %(organization)s, %(session)s, %(token_kind)s, %(hash)s, %(prefix)s, id,
        %(bundle)s, %(expires_at)s
    FROM device
)
INSERT INTO previews_access
    (id, created_at, updated_at, organization_id, session_id, at, kind, device_id, network, agent, bytes)
SELECT %(id)s, now(), now(), %(organization)s, %(session)s, now(), %(kind)s, device.id, %(network)s,
    %(agent)s, %(bytes)s
FROM device, set_config('synchronous_commit', 'off', true)
"""


def log_access(
    session: Session, kind: AccessKind, *, device_id: uuid.UUID | None = None, length: int = 0
) -> None:
    """Write one line of the access log, one statement, and tell who watches the session."""
    line = _line_of(session, kind) | {"device": device_id, "bytes": length}
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


def grant_again(session: Session, device_id: str, raw: str, bundle: Bundle, expires_at: dt.datetime) -> bool:
    """Store and log the grant of a device that has its slot; False, and nothing, for any other.

    One statement, in no transaction; then who watches the session is told.
    """
    grant = {
        "hashes": possible_device_hashes(session.pk, device_id),
        "token": uuid7(),
        "token_kind": TokenKind.DOWNLOAD.value,
        "hash": stored_hash(raw),
        "prefix": raw[:PREFIX_CHARS],
        "bundle": bundle.pk,
        "expires_at": expires_at,
        "bytes": 0,
    }
    with connection.cursor() as cursor:
        cursor.execute(AGAIN, _line_of(session, AccessKind.GRANT) | grant)
        is_granted = bool(cursor.rowcount)
    if is_granted:
        announce_access(session, AccessKind.GRANT)
    return is_granted


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
