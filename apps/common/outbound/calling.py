"""A call as services make it: behind the host's breaker, and tried again where that can do no harm."""

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

import stamina

from apps.common.outbound.breaker import guarded
from apps.common.outbound.client import Answer, Limits, fetch
from apps.common.outbound.errors import OutboundFailed
from apps.common.outbound.urls import parse_target

TRIES: Final = 3
FIRST_PAUSE_S: Final = 0.2
LONGEST_PAUSE_S: Final = 2.0
# A host that asks for more than this is not waited for inside an attempt.
RETRY_AFTER_MAX_S: Final = 5
TOO_MANY: Final = 429
SERVER_ERRORS: Final = 500

T = TypeVar("T")


class HostFailed(OutboundFailed):
    """The other host answered that it cannot."""

    code = "outbound.host_failed"

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"The other host answered {answer.status}.")
        self.answer = answer


def call(
    url: str,
    *,
    purpose: str,
    is_repeatable: bool,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    credentials: Mapping[str, str] | None = None,
    body: bytes = b"",
    limits: Limits | None = None,
    by_operator: bool = False,
) -> Answer:
    """Return the answer of a host that is up: its status is below 500, and not 429.

    A repeatable call is tried three times, 0.2 to 2 s apart, on failures of the connection, 5xx, and 429 with
    a Retry-After of at most 5 s. Raises OutboundBlocked, OutboundFailed (HostFailed), CircuitOpen.
    """
    host = parse_target(url, by_operator=by_operator).host

    def attempt() -> Answer:
        answer = fetch(
            url,
            purpose=purpose,
            method=method,
            headers=headers,
            credentials=credentials,
            body=body,
            limits=limits,
            by_operator=by_operator,
        )
        if is_failing(answer.status):
            raise HostFailed(answer)
        return answer

    with guarded(purpose, host):
        return persistently(attempt) if is_repeatable else attempt()


def is_failing(status: int) -> bool:
    """Tell whether a status says that the host cannot now, and not that it will not."""
    return status >= SERVER_ERRORS or status == TOO_MANY


def persistently(attempt: Callable[[], T]) -> T:
    """Make a call that may be repeated, up to three times where it raises OutboundFailed; see `call`."""
    repeated = stamina.retry(
        on=_pause, attempts=TRIES, wait_initial=FIRST_PAUSE_S, wait_max=LONGEST_PAUSE_S, timeout=None
    )
    return repeated(attempt)()


def _pause(error: Exception) -> bool | float:
    """Return whether to try again, and after how many seconds if the host says so."""
    if not isinstance(error, HostFailed) or error.answer.status != TOO_MANY:
        return isinstance(error, OutboundFailed)
    asked = error.answer.headers.get("retry-after", "")
    return float(asked) if asked.isdigit() and int(asked) <= RETRY_AFTER_MAX_S else False
