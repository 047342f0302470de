"""Signs of life: every worker notes every few seconds which queues it serves.

They are kept in Valkey, one field a worker; one that has not been heard of for a day is forgotten. Without
Valkey nobody beats, as nobody can be reached there either.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, cast

import orjson
import redis
from django.conf import settings

from apps.common.valkey import valkey_at

KEY: Final = "sextant:worker-beats"
BEAT_S: Final = 15.0
ALIVE_FOR: Final = dt.timedelta(seconds=60)
REMEMBERED_FOR: Final = dt.timedelta(days=1)
PURPOSE: Final = "worker beats"


@dataclass(frozen=True, slots=True)
class WorkerBeat:
    """When a worker was last heard of, and which queues it served then."""

    worker: str
    queues: tuple[str, ...]
    at: dt.datetime


def note_beat(worker: str, queues: Iterable[str], *, now: dt.datetime) -> None:
    """Write down that a worker lives; lost without Valkey."""
    content = orjson.dumps({"queues": sorted(queues), "at": now.timestamp()})
    valkey_at(settings.REDIS_URL).attempt(lambda client: client.hset(KEY, worker, content), purpose=PURPOSE)


def read_beats(*, now: dt.datetime) -> list[WorkerBeat]:
    """Return the last beats of workers heard of within a day, by name, and forget the others."""

    def read(client: "redis.Redis") -> list[WorkerBeat]:
        found = [_beat(*field) for field in cast("dict[bytes, bytes]", client.hgetall(KEY)).items()]
        past = [beat.worker for beat in found if beat.at < now - REMEMBERED_FOR]
        if past:
            client.hdel(KEY, *past)
        return sorted((beat for beat in found if beat.worker not in past), key=lambda beat: beat.worker)

    return valkey_at(settings.REDIS_URL).attempt(read, purpose=PURPOSE) or []


def _beat(worker: bytes, content: bytes) -> WorkerBeat:
    said: dict[str, Any] = orjson.loads(content)
    return WorkerBeat(
        worker=worker.decode(),
        queues=tuple(said["queues"]),
        at=dt.datetime.fromtimestamp(said["at"], dt.UTC),
    )
