"""Where the act that is being served comes from, for whoever records it: audit, sessions, notices."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

USER_AGENT_MAX_LENGTH = 400


@dataclass(frozen=True, slots=True)
class Origin:
    """The address, the program and the request behind an act; all empty for the installation itself."""

    ip: str | None = None
    user_agent: str = ""
    request_id: str = ""


_current: ContextVar[Origin] = ContextVar("origin", default=Origin())  # noqa: B039 - frozen


def current_origin() -> Origin:
    """Return where the act that is being served comes from."""
    return _current.get()


@contextmanager
def served_for(origin: Origin) -> Iterator[None]:
    """Make `origin` the current one inside the block."""
    token = _current.set(origin)
    try:
        yield
    finally:
        _current.reset(token)
