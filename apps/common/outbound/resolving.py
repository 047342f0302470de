"""From a host to the addresses that may be connected to: one look-up, all of it public or nothing."""

import socket
import threading
from concurrent.futures import Future
from typing import Any, Final

import structlog

from apps.common.outbound.addresses import Address, is_public, parse_literal
from apps.common.outbound.allowed import current_allowed

RESOLVE_LIMIT_S: Final = 3.0

logger = structlog.get_logger(__name__)


class NotReachable(Exception):
    """The host has no addresses, or one that must not be reached; the message is for the log alone."""


def vet_host(host: str, port: int, *, is_allowed: bool = False) -> list[Address]:
    """Return the addresses of a host, in the resolver's order; one query to the resolver at most.

    Raises NotReachable when there are none, or when a single one is neither public nor allowed.
    """
    literal = parse_literal(host)
    found = [literal] if literal is not None else _resolve(host, port)
    allowed = current_allowed()
    for address in found:
        if not (is_allowed or is_public(address) or allowed.has_address(address)):
            raise NotReachable(f"{address} is not public")
    return found


def _resolve(host: str, port: int) -> list[Address]:
    """Return what the system's resolver says within 3 s."""
    answer: Future[list[Any]] = Future()

    def ask() -> None:
        try:
            answer.set_result(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answer.set_exception(error)

    # A thread of its own, as nothing else bounds the resolver's time; a late answer is thrown away.
    threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        rows = answer.result(timeout=RESOLVE_LIMIT_S)
    except (OSError, UnicodeError, TimeoutError) as error:
        raise NotReachable(f"no address: {error}") from error
    parsed = [parse_literal(str(row[4][0])) for row in rows]
    found = [address for address in parsed if address is not None]
    if not found or len(found) != len(rows):
        raise NotReachable("the resolver's answer holds no address")
    return list(dict.fromkeys(found))
