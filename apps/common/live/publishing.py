"""Telling the world: an event of a topic, or that somebody's rights changed; both after commit.

Nothing here ever fails a write: without Valkey an event is dropped with a line in the log, and clients see
a gap in the numbers (or a new epoch) when they come back, refetch, and so lose nothing.
"""

import functools
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from django.conf import settings
from django.db import transaction

from apps.common.live import streams
from apps.common.live.streams import Address
from apps.common.valkey import valkey_at


def publish(
    *,
    topic: str,
    type: str,  # noqa: A002 - the protocol's name
    data: Mapping[str, Any],
    organization_id: uuid.UUID | None = None,
    user_id: uuid.UUID | None = None,
) -> None:
    """Send an event to everybody who watches `topic`, once the transaction is committed.

    A topic of an organization takes `organization_id`, a private one `user_id`. `data` is encoded now, so
    later changes to it do no harm. Raises TypeError for what JSON cannot carry, ValueError for both owners
    or none.
    """
    owner_id = organization_id or user_id
    if owner_id is None or (organization_id is not None and user_id is not None):
        raise ValueError("an event belongs either to an organization or to a user")
    encoded = orjson.Fragment(orjson.dumps(data, option=orjson.OPT_UTC_Z))

    def send() -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        _publisher(settings.CHANNEL_URL).append(Address(owner_id, topic), type, at, encoded)

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
        self._valkey = valkey_at(url)
        self._append = self._valkey.client.register_script(streams.APPEND)

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
        self._valkey.attempt(
            lambda _: self._append(keys=address.keys, args=arguments), purpose=f"live {address.topic}"
        )

    def announce(self, message: bytes) -> None:
        """Send a control message to every process that holds connections."""
        self._valkey.attempt(
            lambda client: client.publish(streams.CONTROL_CHANNEL, message), purpose="live control"
        )


@functools.lru_cache(maxsize=4)
def _publisher(url: str) -> Publisher:
    """Return this process's publisher of an address; its pool notices a fork by itself."""
    return Publisher(url)
