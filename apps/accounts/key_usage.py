"""When and whence keys were used: noted with the rate limit's call, written to the rows by a clock."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from apps.common.throttles.stores import Note

NOTES_KEY: Final = "sextant:key-usage"


@dataclass(frozen=True, slots=True)
class KeyUse:
    """The last known use of one key."""

    key_id: uuid.UUID
    at: dt.datetime
    ip: str | None


def use_of_key(key_id: str, *, ip: str | None, now: dt.datetime) -> Note:
    """Return the note of a use; a later one replaces it."""
    return Note(NOTES_KEY, key_id, f"{now.timestamp():.6f} {ip or ''}")


def read_uses(notes: Mapping[str, str]) -> list[KeyUse]:
    """Return the uses that were noted."""
    found = []
    for key_id, text in notes.items():
        at, _, ip = text.partition(" ")
        found.append(KeyUse(uuid.UUID(key_id), dt.datetime.fromtimestamp(float(at), dt.UTC), ip or None))
    return found
