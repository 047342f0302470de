"""Who is sending bytes of an upload at the moment: a short lease in Valkey, renewed while bytes come.

It only turns a second writer away early. That two writers never mix is up to the conditional update of the
row, so a Valkey that is away stops nobody.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.conf import settings

from apps.common.valkey import valkey_at

# Short, because a client that comes back after a crash of the web process has to wait for its end.
LEASE_MS: Final = 3_000
PURPOSE: Final = "upload lock"
# KEYS: the lease. ARGV: writer, milliseconds. Returns 1 if the writer has it now.
HOLD: Final = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
RELEASE: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end return 1"


def hold(upload_id: uuid.UUID | str, writer: str) -> bool:
    """Take or renew a writer's lease; False if another writer has it."""
    held = valkey_at(settings.CACHE_URL).attempt(
        lambda client: client.eval(HOLD, 1, _key(upload_id), writer, str(LEASE_MS)), purpose=PURPOSE
    )
    return held is None or bool(held)


def release(upload_id: uuid.UUID | str, writer: str) -> None:
    """Give a lease back, if the writer still has it."""
    valkey_at(settings.CACHE_URL).attempt(
        lambda client: client.eval(RELEASE, 1, _key(upload_id), writer), purpose=PURPOSE
    )


@contextmanager
def held_by(upload_id: uuid.UUID, writer: str = "") -> Iterator[bool]:
    """Hold the lease for the block; a writer named by the caller keeps it, to go on with the next piece."""
    name = writer or uuid.uuid4().hex
    is_held = hold(upload_id, name)
    try:
        yield is_held
    finally:
        if is_held and not writer:
            release(upload_id, name)


def _key(upload_id: uuid.UUID | str) -> str:
    return f"datasets:upload:{upload_id}"
