"""Telling the world: an event of a topic, or that somebody's rights changed; both after commit.

Nothing here ever fails a write: without Valkey an event is dropped with a line in the log, and clients see
a gap in the numbers (or a new epoch) when they come back, refetch, and so lose nothing.
"""

import functools
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import orjson
import redis
import structlog
from django.conf import settings
from django.db import transaction
from redis.backoff import NoBackoff
from redis.retry import Retry

from apps.common.live import streams
from apps.common.live.streams import Address

CONNECT_TIMEOUT_S: Final = 0.25
CALL_TIMEOUT_S: Final = 0.5
UNTRIED_S: Final = 1.0

logger = structlog.get_logger(__name__)


def publish(*, organization_id: uuid.UUID, topic: str, type: str, data: Mapping[str, Any]) -> None:  # noqa: A002
    """Send an event to everybody who watches `topic`, once the transaction is committed.

    `data` is encoded now, so later changes to it do no harm; raises TypeError for what JSON cannot carry.
    """
    encoded = orjson.Fragment(orjson.dumps(data, option=orjson.OPT_UTC_Z))

    def send() -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        _publisher(settings.CHANNEL_URL).append(Address(organization_id, topic), type, at, encoded)

    transaction.on_commit(send, robust=True)


def revoke(
    *,
    user_id: uuid.UUID | None = None,
    session_id: uuid.UUID | None = None,
    api_key_id: uuid.UUID | None = None,
    organization_id: uuid.UUID | None = None,
) -> None:
    """Have open connections of these checked again at once, after the transaction is committed.

    Call it when a session or key ends, a role or membership changes, a user or an organization is locked.
    What is no longer allowed closes (4401) or unsubscribes; what still is goes on undisturbed.
    """
    ids = (user_id, session_id, api_key_id, organization_id)
    subjects = [str(subject) for subject in ids if subject is not None]

    def send() -> None:
        _publisher(settings.CHANNEL_URL).announce(orjson.dumps(subjects))

    transaction.on_commit(send, robust=True)


class Publisher:
    """The sending side of one Valkey, for synchronous code of any thread."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(
            url,
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            socket_timeout=CALL_TIMEOUT_S,
            # A pooled connection that a restart of Valkey broke is opened again once; a call that ran out of
            # time is not repeated, as the event may be out already.
            retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
        )
        self._append = self._client.register_script(streams.APPEND)
        self._untried_until = 0.0

    def append(self, address: Address, type_: str, at: str, data: orjson.Fragment) -> None:
        """Number, keep and send one event."""
        head, tail = streams.split_frame(topic=address.topic, type_=type_, at=at, data=data)
        arguments: list[str | int | bytes] = [
            streams.new_epoch(),
            streams.COUNTER_KEPT_S,
            address.channel,
            head,
            tail,
            streams.EVENTS_KEPT,
            streams.KEPT_S,
        ]
        self._attempt(lambda: self._append(keys=address.keys, args=arguments), topic=address.topic)

    def announce(self, message: bytes) -> None:
        """Send a control message to every process that holds connections."""
        self._attempt(lambda: self._client.publish(streams.CONTROL_CHANNEL, message), topic="control")

    def _attempt(self, call: Callable[[], object], *, topic: str) -> None:
        """Run a call, or drop it while Valkey was seen down less than a second ago."""
        if time.monotonic() < self._untried_until:
            return
        try:
            call()
        except (redis.RedisError, OSError) as error:
            self._untried_until = time.monotonic() + UNTRIED_S
            logger.warning("live.dropped", topic=topic, error=str(error))


@functools.lru_cache(maxsize=4)
def _publisher(url: str) -> Publisher:
    """Return this process's publisher of an address; its pool notices a fork by itself."""
    return Publisher(url)
