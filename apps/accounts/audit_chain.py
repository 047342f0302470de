"""The arithmetic of the audit chain. No database here.

    hash = SHA-256(previous hash, 32 bytes + canonical JSON of the entry's facts)

Canonical JSON is UTF-8 with sorted keys and without white space, its values written as the API writes them,
so that anybody can check an export with a few lines of their own:

    {"actor_id": ..., "changes": {...}, "created_at": ..., "id": ..., "request_id": ...,
     "target": {"id": ..., "type": ...}, "verb": ...}

The first entry of a chain follows 32 zero bytes.
"""

import hashlib
import json
from typing import Final

from apps.accounts.models import AuditEntry
from apps.common.serializers import rfc3339

GENESIS: Final = bytes(32)


def canonical_facts(entry: AuditEntry) -> bytes:
    """Return what of an entry is sealed; label, address and agent stay outside and can be blanked."""
    facts = {
        "id": str(entry.pk),
        "created_at": rfc3339(entry.created_at),
        "actor_id": str(entry.actor_id) if entry.actor_id else None,
        "verb": entry.verb,
        "target": {"type": entry.target_type, "id": entry.target_id},
        "changes": entry.changes,
        "request_id": entry.request_id,
    }
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def next_hash(previous: bytes, entry: AuditEntry) -> bytes:
    """Return the hash of an entry that follows another one (or GENESIS)."""
    return hashlib.sha256(previous + canonical_facts(entry)).digest()
