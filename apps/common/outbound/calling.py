"""A call as services make it: behind the host's breaker, and tried again where that can do no harm."""

from collections.abc import Mapping
from typing import Final

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
        if answer.status >= SERVER_ERRORS or answer.status == TOO_MANY:
            raise HostFailed(answer)
        return answer

    repeated = stamina.retry(
        on=_pause,
        attempts=TRIES if is_repeatable else 1,
        wait_initial=FIRST_PAUSE_S,
        wait_max=LONGEST_PAUSE_S,
        timeout=None,
    )
    with guarded(purpose, host):
        return repeated(attempt)()


def _pause(error: Exception) -> bool | float:
    """Return whether to try again, and after how many seconds if the host says so."""
    if not isinstance(error, HostFailed) or error.answer.status != TOO_MANY:
        return isinstance(error, OutboundFailed)
    asked = error.answer.headers.get("retry-after", "")
    return float(asked) if asked.isdigit() and int(asked) <= RETRY_AFTER_MAX_S else False
