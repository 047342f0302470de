"""How many searches somebody may run at once: a search keeps a processor busy for seconds."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.conf import settings

from apps.common.errors import Throttled
from apps.common.valkey import valkey_at

AT_ONCE: Final = 2
# Longer than a search takes: the place of a process that was killed comes free by itself.
PLACE_TTL_MS: Final = 15_000
PURPOSE: Final = "searches at once"

# Only the holder itself gives up a place.
RELEASE: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"


@contextmanager
def search_turn(subject: str) -> Iterator[None]:
    """Hold one of a subject's places while the block runs; raises Throttled if both are taken.

    Without Valkey nobody counts.
    """
    token = secrets.token_hex(8)
    keys = [f"sextant:projects:search:{subject}:{place}" for place in range(AT_ONCE)]
    taken = next((key for key in keys if _take(key, token) is not False), None)
    if taken is None:
        raise Throttled("Two searches of yours are running; wait for one of them.", retry_after_s=1)
    try:
        yield
    finally:
        valkey_at(settings.REDIS_URL).attempt(
            lambda client: client.eval(RELEASE, 1, taken, token), purpose=PURPOSE
        )


def _take(key: str, token: str) -> bool | None:
    """Take a place, or tell that it is taken; None while Valkey is down."""
    return valkey_at(settings.REDIS_URL).attempt(
        lambda client: bool(client.set(key, token, nx=True, px=PLACE_TTL_MS)), purpose=PURPOSE
    )
