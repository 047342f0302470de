"""Idempotency-Key: one effect per key, its answer given again to every repetition.

The table lives in accounts, which fills the store in by `register_store` when it is ready.
"""

import datetime as dt
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from django.db import transaction

from apps.common.errors import Conflict, Invalid, Malformed

KEY_PATTERN = re.compile(r"[\x20-\x7e]{1,255}")
KEPT_HEADERS = ("Location", "ETag", "Content-Type")
REPLAYED_HEADER = "Idempotency-Replayed"
KEPT_FOR: Final = dt.timedelta(hours=24)


class IdempotencyKeyInvalid(Malformed):
    """The Idempotency-Key must be 1 to 255 printable ASCII characters."""

    code = "idempotency.key_invalid"


class IdempotencyInFlight(Conflict):
    """A request with this Idempotency-Key is being worked on.

    Wait for its answer, or repeat the request in a moment to get the stored one.
    """

    code = "idempotency.in_flight"


class IdempotencyMismatch(Invalid):
    """This Idempotency-Key was used for a different request.

    A key stands for one request: the same query, media type and body. Use a new key for a new request.
    """

    code = "idempotency.mismatch"


@dataclass(frozen=True, slots=True)
class RequestKey:
    """What a stored answer belongs to."""

    actor: str
    method: str
    path: str
    key: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx answer as it is stored and given again."""

    request_hash: bytes
    status: int
    headers: Mapping[str, str]
    body: bytes


class AnswerStore(Protocol):
    """Where answers are kept. Every method runs inside the transaction of the effect."""

    def lock(self, key: RequestKey) -> bool:
        """Take the key until the transaction ends; False if somebody else holds it."""

    def find(self, key: RequestKey) -> Answer | None:
        """Return the answer stored for the key, unless its time has passed."""

    def keep(self, key: RequestKey, answer: Answer, kept_for: dt.timedelta) -> None:
        """Store the answer."""

    def claim(self, keys: Sequence[RequestKey], kept_for: dt.timedelta) -> Sequence[bool]:
        """Mark requests as done; tell of each whether it had not been, within the time it is kept for."""


_stores: list[AnswerStore] = []


def register_store(store: AnswerStore) -> None:
    """Make `store` the one in use; called once, when accounts is ready."""
    _stores[:] = [store]


def checked_key(header: str) -> str:
    """Return the key; raises IdempotencyKeyInvalid."""
    if not KEY_PATTERN.fullmatch(header):
        raise IdempotencyKeyInvalid
    return header


def request_hash(*, query: str, media_type: str, body_sha256: bytes) -> bytes:
    """Return the identity of a request's content."""
    digest = hashlib.sha256()
    for part in (query.encode(), media_type.encode(), body_sha256):
        digest.update(len(part).to_bytes(8) + part)
    return digest.digest()


@transaction.atomic
def answer_once(
    key: RequestKey, content: bytes, effect: Callable[[], Answer], *, kept_for: dt.timedelta = KEPT_FOR
) -> tuple[Answer, bool]:
    """Return the answer of `effect`, and whether it is a stored one; `effect` ran at most once per key.

    The answer is stored in the transaction of the effect: a crash loses both or neither. What is not 2xx
    leaves `effect` as an exception and is never stored. Raises IdempotencyInFlight, IdempotencyMismatch.
    """
    store = _stores[0]
    # Without the lock two first requests would both find no row and both do the effect.
    if not store.lock(key):
        raise IdempotencyInFlight(retry_after_s=1)
    stored = store.find(key)
    if stored is None:
        answer = effect()
        store.keep(key, answer, kept_for)
        return answer, False
    if stored.request_hash != content:
        raise IdempotencyMismatch
    return stored, True


def claim_once(keys: Sequence[RequestKey], *, kept_for: dt.timedelta = KEPT_FOR) -> Sequence[bool]:
    """Mark requests as done that bring no key of their own; tell of each whether it is the first.

    Its content is then its name. Runs in the transaction of the effect; the same request that another
    transaction is working on at this moment is waited for.
    """
    return _stores[0].claim(keys, kept_for)
