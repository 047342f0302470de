"""Answers kept in Valkey for some minutes, one builder per key; without Valkey each answer is built.

A key holds the release, the app, what identifies the data and a hash of the question; so nothing is ever
deleted: a new version has other keys. What identifies the data is read before the work, so an answer computed
while a version is published is never kept under the newer one.
"""

import functools
import hashlib
import random
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
import orjson
from django.conf import settings

from apps.common.etags import strong_etag
from apps.common.metrics import answers_kept
from apps.common.valkey import valkey_at

MAX_ENTRY_BYTES: Final = 1024 * 1024
TTL_SPREAD: Final = 0.1
BUILDER_TTL_MS: Final = 5_000
POLL_S: Final = 0.02

# Only the builder itself gives up its place: a slow one must not remove its successor's.
RELEASE: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """A finished answer: what goes over the wire."""

    body: bytes
    media_type: str
    etag: str
    rows: int

    @classmethod
    def of(cls, body: bytes, media_type: str, rows: int = 0) -> "Answer":
        """Return the answer with the tag of its bytes."""
        return cls(body, media_type, strong_etag(body, media_type), rows)

    @classmethod
    def json(cls, document: Any) -> "Answer":
        """Return the answer of a small document."""
        return cls.of(orjson.dumps(document), "application/json")


def answer_key(app: str, kind: str, data: Sequence[str], question: str) -> str:
    """Return the key of an answer: `kind` names the call of an app, `data` identifies what was read."""
    digest = hashlib.sha256(question.encode()).hexdigest()[:40]
    return f"sextant:{settings.RELEASE}:{app}:{kind}:{','.join(data)}:{digest}"


def cached_answer(key: str, build: Callable[[], Answer], *, ttl_s: int) -> Answer:
    """Return the kept answer, or build and keep it; equal questions at once wait for one builder."""
    built = []

    def build_once() -> Answer:
        built.append(key)
        return build()

    answer = _store(settings.CACHE_URL).get_or_build(key, build_once, ttl_s=ttl_s)
    app = key.split(":", maxsplit=3)[2]
    answers_kept.labels(app, "miss" if built else "hit").inc()
    return answer


class AnswerStore:
    """The answers in one Valkey."""

    def __init__(self, url: str) -> None:
        self._valkey = valkey_at(url)

    def get_or_build(self, key: str, build: Callable[[], Answer], *, ttl_s: int) -> Answer:
        """Return the answer under `key`; after 5 s a builder is not waited for any longer."""
        token = secrets.token_bytes(8)
        turn = f"{key}:builder"
        deadline = time.monotonic() + BUILDER_TTL_MS / 1000
        while (kept := self._get(key)) is None and self._has_other_builder(turn, token):
            if time.monotonic() > deadline:
                break
            time.sleep(POLL_S)
        try:
            # Looked up again: the builder before may have finished just before the turn was taken.
            return kept or self._get(key) or self._keep(key, build(), ttl_s)
        finally:
            if kept is None:
                self._try("EVAL", RELEASE, 1, turn, token)

    def _get(self, key: str) -> Answer | None:
        raw = self._try("GET", key)
        return msgspec.msgpack.decode(raw, type=Answer) if raw else None

    def _keep(self, key: str, answer: Answer, ttl_s: int) -> Answer:
        """Store the answer unless it is large, and return it."""
        if len(answer.body) <= MAX_ENTRY_BYTES:
            spread = random.uniform(1 - TTL_SPREAD, 1 + TTL_SPREAD)  # noqa: S311 - spreads expiry, no secret
            self._try("SET", key, msgspec.msgpack.encode(answer), "EX", max(1, round(ttl_s * spread)))
        return answer

    def _has_other_builder(self, turn: str, token: bytes) -> bool:
        """Take the turn to build, or tell that somebody has it; without Valkey nobody can be waited for."""
        is_mine = self._valkey.attempt(
            lambda client: bool(client.set(turn, token, nx=True, px=BUILDER_TTL_MS)), purpose="cached answers"
        )
        return is_mine is False

    def _try(self, *command: Any) -> Any:
        """Return Valkey's reply; None while it is down."""
        return self._valkey.attempt(
            lambda client: client.execute_command(*command),  # type: ignore[no-untyped-call]
            purpose="cached answers",
        )


@functools.lru_cache(maxsize=4)
def _store(url: str) -> AnswerStore:
    """Return this process's store of an address; its pool notices a fork by itself."""
    return AnswerStore(url)
