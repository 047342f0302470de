"""The shape of a door: one for each protocol, all else is shared."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Final

from apps.common.errors import DomainError, NotFound
from apps.metrics.doors.gate import PERMISSION, Admission
from apps.metrics.doors.requests import DoorRequest, Response, Scope
from apps.metrics.points.batch import Parsed, Refusal
from apps.metrics.recording import Mode, Recorded, Untyped
from apps.metrics.recording.outcomes import pointer_into_rows

INLINE_BODY_BYTES: Final = 32 * 1024


@dataclass(frozen=True, slots=True)
class Sending:
    """What a request brings, and how its answer is made.

    `content` is set where the request counts once however often it is sent: what it is known by.
    """

    parsed: Parsed
    answer: Callable[[Recorded], Response]
    mode: Mode = Mode.PARTIAL
    untyped: Untyped = Untyped.GUESS
    pointer: Callable[[Refusal], str] = field(default=pointer_into_rows)
    content: bytes | None = None


class Door(ABC):
    """One protocol."""

    name: ClassVar[str]
    # Whether Idempotency-Key is looked at: of foreign clients none sends it.
    takes_keys: ClassVar[bool] = False

    @abstractmethod
    def serves(self, scope: Scope) -> bool:
        """Tell whether a request is for this door; it costs every request, so it looks at little."""

    @abstractmethod
    def is_sending(self, request: DoorRequest) -> bool:
        """Tell whether a request brings points; others are for `read`."""

    @abstractmethod
    def credential(self, request: DoorRequest) -> str | None:
        """Return what the caller shows; None if only the body can tell. Raises DomainError."""

    @abstractmethod
    def parse(self, request: DoorRequest, admission: Admission) -> Sending:
        """Return the points of a request; raises DomainError if nothing of it can be read."""

    @abstractmethod
    def refuse(self, request: DoorRequest, error: DomainError) -> Response:
        """Return an error in the protocol's own shape."""

    def open_answer(self, request: DoorRequest) -> Response | None:
        """Return the answer to who needs no key, such as to a ping."""
        return None

    def is_quick(self, request: DoorRequest) -> bool:
        """Tell whether parsing takes less time than changing the thread would; it must not query then."""
        return len(request.body) <= INLINE_BODY_BYTES and request.encoding == "identity"

    def permission(self, request: DoorRequest) -> str:
        """Return what the caller must be allowed."""
        return PERMISSION if self.is_sending(request) else "metrics.view"

    def read(self, request: DoorRequest, admission: Admission) -> Response:
        """Answer a request that brings no points; runs in a thread and may query. Raises DomainError.

        A door without such calls has none.
        """
        raise NotFound
