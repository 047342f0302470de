"""One breaker per purpose and host: five failures in a row open it for a minute, then one probe decides.

pybreaker counts and moves; where it keeps its state is ours, because its own Redis storage neither expires
nor goes on without Redis: state in Valkey, so that all processes know, else in the process.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import pybreaker
import structlog
from django.conf import settings

from apps.common.outbound.errors import CircuitOpen, OutboundFailed
from apps.common.valkey import valkey_at

FAILURES: Final = 5
OPEN_S: Final = 60
KEPT_S: Final = 3_600
KNOWN_MAX: Final = 1_000

OPENNESS: Final = {
    pybreaker.STATE_CLOSED: 0.0,
    pybreaker.STATE_HALF_OPEN: 0.5,
    pybreaker.STATE_OPEN: 1.0,
}

logger = structlog.get_logger(__name__)


@contextmanager
def guarded(purpose: str, host: str) -> Iterator[None]:
    """Run the block unless the host is left alone; its OutboundFailed counts as the host's failure.

    Raises CircuitOpen, whose retry_after_s says when the next probe is due.
    """
    breaker = _breaker(purpose, host.lower())
    try:
        with breaker.calling():
            yield
    except pybreaker.CircuitBreakerError as error:
        raise CircuitOpen(retry_after_s=_wait_s(breaker)) from error


def is_open(purpose: str, host: str) -> bool:
    """Tell whether a host is left alone just now, also where another process found it failing."""
    return bool(OPENNESS[_breaker(purpose, host.lower()).current_state])


def open_circuits() -> int:
    """Return how many breakers of this process are open just now, for health."""
    return sum(value > 0 for _, value in breaker_states())


def breaker_states() -> list[tuple[tuple[str, ...], float]]:
    """Return for each purpose how far its worst breaker is open: 0 closed, 0.5 half-open, 1 open.

    Hosts are chosen by users, so no label names them.
    """
    worst: dict[str, float] = {}
    for name, breaker in list(_known.items()):
        purpose = name.partition(" ")[0]
        worst[purpose] = max(worst.get(purpose, 0.0), OPENNESS[breaker.current_state])
    return [((purpose,), value) for purpose, value in sorted(worst.items())]


class SharedState(pybreaker.CircuitBreakerStorage):
    """One breaker's state: a hash in Valkey that expires, and a copy in the process in case that is gone."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        digest = hashlib.sha256(name.encode()).hexdigest()[:40]
        self.key = f"sextant:breaker:{digest}"
        self._own: dict[str, str] = {}

    @property
    def state(self) -> str:
        """Return closed, open or half-open."""
        return self._read("state") or pybreaker.STATE_CLOSED

    @state.setter
    def state(self, state: str) -> None:
        self._write("state", state)

    @property
    def counter(self) -> int:
        """Return the failures in a row."""
        return int(self._read("failures") or 0)

    def increment_counter(self) -> None:
        """Count a failure."""
        self._write("failures", None)

    def reset_counter(self) -> None:
        """Forget the failures; nothing is asked where none are known, as after most calls."""
        if self.counter:
            self._write("failures", "0")

    @property
    def success_counter(self) -> int:
        """Return the successes in a row while half-open."""
        return int(self._read("successes") or 0)

    def increment_success_counter(self) -> None:
        """Count a success."""
        self._write("successes", None)

    def reset_success_counter(self) -> None:
        """Forget the successes."""
        self._write("successes", "0")

    @property
    def opened_at(self) -> datetime | None:
        """Return when it was opened."""
        stamp = self._read("opened_at")
        return datetime.fromtimestamp(float(stamp), UTC) if stamp else None

    @opened_at.setter
    def opened_at(self, moment: datetime) -> None:
        self._write("opened_at", str(moment.timestamp()))

    def take_probe(self) -> bool:
        """Tell whether this caller is the one probe of the coming minute."""
        taken = self._ask(lambda client: client.set(f"{self.key}:probe", 1, nx=True, ex=OPEN_S) or False)
        return taken is not False

    def _read(self, field: str) -> str | None:
        found = self._ask(lambda client: client.hgetall(self.key))
        if found is not None:
            self._own = {name.decode(): value.decode() for name, value in found.items()}
        return self._own.get(field)

    def _write(self, field: str, value: str | None) -> None:
        """Set a field; None counts it up."""

        def change(client: Any) -> Any:
            with client.pipeline() as commands:
                if value is None:
                    commands.hincrby(self.key, field, 1)
                else:
                    commands.hset(self.key, field, value)
                commands.expire(self.key, KEPT_S)
                return commands.execute()

        self._own[field] = str(int(self._own.get(field) or 0) + 1) if value is None else value
        self._ask(change)

    def _ask(self, call: Callable[[Any], Any]) -> Any:
        return valkey_at(settings.CACHE_URL).attempt(call, purpose="breaker")


class Watch(pybreaker.CircuitBreakerListener):
    """Lets one probe through while half-open, and logs each change."""

    def before_call(self, cb: Any, func: Any, *_: Any, **__: Any) -> None:
        """Refuse whoever is not the probe."""
        storage: SharedState = cb._state_storage  # noqa: SLF001 - pybreaker names it nowhere else
        if cb.current_state == pybreaker.STATE_HALF_OPEN and not storage.take_probe():
            raise pybreaker.CircuitBreakerError("another caller probes")

    def state_change(self, cb: Any, old_state: Any, new_state: Any) -> None:
        """Write a line."""
        logger.warning("breaker.changed", breaker=cb.name, state=new_state.name)


_known: dict[str, pybreaker.CircuitBreaker] = {}


def _breaker(purpose: str, host: str) -> pybreaker.CircuitBreaker:
    """Return the breaker of a purpose and host; users choose hosts, so the longest known are forgotten."""
    name = f"{purpose} {host}"
    if name not in _known:
        if len(_known) >= KNOWN_MAX:
            del _known[next(iter(_known))]
        _known[name] = _new_breaker(name)
    return _known[name]


def _new_breaker(name: str) -> pybreaker.CircuitBreaker:
    return pybreaker.CircuitBreaker(
        fail_max=FAILURES,
        reset_timeout=OPEN_S,
        # Whatever else goes wrong in the block is not the host's fault.
        exclude=[lambda error: not isinstance(error, OutboundFailed)],
        listeners=[Watch()],
        state_storage=SharedState(name),
        name=name,
        throw_new_error_on_trip=False,
    )


def _wait_s(breaker: pybreaker.CircuitBreaker) -> int:
    opened_at = breaker._state_storage.opened_at  # noqa: SLF001
    if opened_at is None:
        return OPEN_S
    return max(1, round(OPEN_S - (datetime.now(UTC) - opened_at).total_seconds()))
