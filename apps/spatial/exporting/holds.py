"""What an export holds while it is read: its versions, by pins, and one of its user's two places.

Both run out by themselves, so nothing is left behind by a client that goes away or a process that is killed.
"""

import secrets
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.utils import timezone

from apps.common.errors import Throttled, Unavailable
from apps.common.valkey import valkey_at
from apps.datasets.models import Version
from apps.datasets.queries.versions import VersionGone

PIN: Final = timedelta(minutes=5)
RENEW_AFTER: Final = timedelta(minutes=1)
LONGEST: Final = timedelta(minutes=30)
AT_ONCE: Final = 2

# Takes a place unless all are taken; a place that nobody renewed is free again. Times are the server's.
_TAKE: Final = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then
    return 0
end
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[3]), ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
"""


class TooManyExports(Throttled):
    """Two of your exports are still running.

    Each counts until it has been read to its end, or for five minutes after it was given up.
    """

    code = "spatial.too_many_exports"


class ExportTooSlow(Unavailable):
    """The export was not read to its end within 30 minutes.

    It breaks off, so that nobody takes a part for the whole. Select less, or read faster.
    """

    code = "spatial.export_too_slow"


@dataclass(slots=True)
class Hold:
    """The hold of one export on its versions and on a place of its user."""

    user: str
    version_ids: Sequence[uuid.UUID]
    began_at: datetime
    renewed_at: datetime
    token: str

    @classmethod
    def take(cls, user: str, version_ids: Sequence[uuid.UUID], now: datetime) -> "Hold":
        """Return a new hold; raises TooManyExports, VersionGone. One query for each version."""
        hold = cls(user, version_ids, now, now, secrets.token_hex(8))
        # Pinned first: what is not there any more takes no place.
        hold._pin(now)
        if not hold._has_place():
            raise TooManyExports(retry_after_s=round(RENEW_AFTER.total_seconds()))
        return hold

    def check(self, now: datetime, *, is_last: bool = False) -> None:
        """Renew the hold if it is time; raises VersionGone, ExportTooSlow.

        With `is_last` the versions are looked at in any case: what was read is whole only if they are there.
        """
        if now - self.began_at > LONGEST:
            raise ExportTooSlow
        if is_last or now - self.renewed_at > RENEW_AFTER:
            self._pin(now)
            self._has_place()
            self.renewed_at = now

    def release(self) -> None:
        """Give the place back; the pin runs out."""
        self._try("ZREM", self._key, self.token)

    def _pin(self, now: datetime) -> None:
        for version_id in self.version_ids:
            if not Version.objects.pin(version_id, now + PIN):
                raise VersionGone

    def _has_place(self) -> bool:
        """Take or renew the place; without Valkey nobody is counted."""
        taken = self._try("EVAL", _TAKE, 1, self._key, self.token, AT_ONCE, int(PIN.total_seconds()))
        return bool(taken != 0)

    @property
    def _key(self) -> str:
        return f"sextant:exports:{self.user}"

    def _try(self, *command: Any) -> Any:
        return valkey_at(settings.CACHE_URL).attempt(
            lambda client: client.execute_command(*command),  # type: ignore[no-untyped-call]
            purpose="places of exports",
        )


def held(hold: Hold, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the pieces under a hold: each is made only while the versions are certain to be there.

    An error breaks the answer off, which the client sees: its last chunk never comes.
    """
    try:
        for piece in pieces:
            yield piece
            hold.check(timezone.now())
        hold.check(timezone.now(), is_last=True)
    finally:
        hold.release()
