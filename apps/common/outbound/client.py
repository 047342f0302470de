"""Calls to foreign hosts: redirects, caps, credentials, and how failures are told."""

import ssl
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

import certifi
import httpcore
import structlog
from django.conf import settings

from apps.common.metrics import outbound_blocked
from apps.common.outbound.errors import AnswerTooLarge, OutboundBlocked, OutboundFailed
from apps.common.outbound.resolving import NotReachable, vet_host
from apps.common.outbound.streams import Deadline, VettedBackend
from apps.common.outbound.urls import Target, parse_target, redirect_target

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
# After these a redirected call asks for the new address instead of repeating itself.
TURN_TO_GET: Final = frozenset({301, 302, 303})
# All failures of the network take at least this long, so that time tells no more than the text does.
FAILURE_TAKES_S: Final = 1.0

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one call may take; the purpose decides. `max_bytes` counts after inflating."""

    first_byte_s: float = 10.0
    total_s: float = 30.0
    max_bytes: int = 10 * 1024 * 1024
    redirects: int = 3


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as it is repeated along redirects; `credentials` are headers for the first host alone.

    With `plain` http will do, here and behind redirects from http.
    """

    method: str
    target: Target
    headers: Mapping[str, str]
    credentials: Mapping[str, str]
    body: bytes
    plain: bool = False

    def after(self, status: int, location: str) -> "Call":
        """Return the call that a redirect asks for; raises OutboundBlocked."""
        target = redirect_target(self.target, location, plain=self.plain)
        is_same = target.origin == self.target.origin
        turns = status in TURN_TO_GET and self.method not in {"GET", "HEAD"}
        return Call(
            method="GET" if turns else self.method,
            target=target,
            headers=self.headers,
            credentials=self.credentials if is_same else {},
            body=b"" if turns else self.body,
            plain=self.plain,
        )

    def wire_headers(self) -> list[tuple[str, str]]:
        """Return all headers that are sent."""
        own = {"Host": self.target.authority, "Accept-Encoding": "gzip", "User-Agent": "Sextant"}
        if self.body or self.method not in {"GET", "HEAD"}:
            own["Content-Length"] = str(len(self.body))
        return list({**own, **self.headers, **self.credentials}.items())


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; header names in lower case, `url` where it came from in the end."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


class Exchange:
    """An answer whose body is still to be read."""

    def __init__(self, response: httpcore.Response, target: Target, limits: Limits) -> None:
        self.status = response.status
        self.headers = {name.decode().lower(): value.decode("latin-1") for name, value in response.headers}
        self.url = target.url
        self._response = response
        self._limits = limits

    def iter_bytes(self) -> Iterator[bytes]:
        """Return the body in pieces, inflated; raises OutboundFailed beyond the allowed size."""
        inflater = _inflater(self.headers.get("content-encoding", ""))
        left_bytes = self._limits.max_bytes
        for raw in self._response.iter_stream():
            # One more than is left at most: a bomb is not let off.
            piece = raw if inflater is None else _inflated(inflater, raw, left_bytes + 1)
            left_bytes -= len(piece)
            if left_bytes < 0:
                raise AnswerTooLarge(f"The answer is larger than {self._limits.max_bytes} bytes.")
            yield piece
        if inflater is not None and (not inflater.eof or inflater.unused_data):
            raise OutboundFailed("The answer's compressed body is damaged.")

    def read(self) -> bytes:
        """Return the whole body."""
        return b"".join(self.iter_bytes())


def fetch(
    url: str,
    *,
    purpose: str,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    credentials: Mapping[str, str] | None = None,
    body: bytes = b"",
    limits: Limits | None = None,
    by_operator: bool = False,
) -> Answer:
    """Return the whole answer, whatever its status; raises as `open_url`."""
    with open_url(
        url,
        purpose=purpose,
        method=method,
        headers=headers,
        credentials=credentials,
        body=body,
        limits=limits,
        by_operator=by_operator,
    ) as exchange:
        return Answer(exchange.status, exchange.headers, exchange.read(), exchange.url)


@contextmanager
def open_url(
    url: str,
    *,
    purpose: str,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    credentials: Mapping[str, str] | None = None,
    body: bytes = b"",
    limits: Limits | None = None,
    by_operator: bool = False,
    plain: bool = False,
) -> Iterator[Exchange]:
    """Open a call and yield the answer behind all redirects, its body unread.

    `purpose` is the word in the log. With `plain` the address may be http.
    An address that stands in the settings (`by_operator`) may be any; where
    it redirects to may not. Raises OutboundBlocked for an address that may not be called, and OutboundFailed
    for all else: a refused address, no such name, no connection, too slow, too large.
    """
    limits = limits or Limits()
    target = _vetted(url, purpose, by_operator=by_operator, plain=plain)
    call = Call(method, target, headers or {}, credentials or {}, body, plain)
    started_s = time.monotonic()
    deadline = Deadline(limits.first_byte_s, limits.total_s)
    try:
        with _follow(call, deadline, limits) as exchange:
            yield exchange
    except (NotReachable, httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
        _tell(call, purpose, error, started_s)
        raise OutboundFailed from error


@contextmanager
def _follow(call: Call, deadline: Deadline, limits: Limits) -> Iterator[Exchange]:
    """Yield the answer behind at most the allowed number of redirects."""
    for _ in range(limits.redirects + 1):
        with _send(call, deadline) as response:
            location = dict(response.headers).get(b"location") or dict(response.headers).get(b"Location")
            if response.status not in REDIRECTS or location is None or limits.redirects == 0:
                yield Exchange(response, call.target, limits)
                return
            call = call.after(response.status, location.decode("latin-1"))
            deadline.has_begun = False
    raise OutboundFailed(f"The other host redirects more than {limits.redirects} times.")


@contextmanager
def _send(call: Call, deadline: Deadline) -> Iterator[httpcore.Response]:
    """Make one hop, on a connection of its own to the vetted addresses."""
    target = call.target
    addresses = vet_host(target.host, target.port, is_allowed=target.is_allowed)
    backend = VettedBackend(addresses, deadline, _proxy())
    with (
        httpcore.ConnectionPool(ssl_context=_tls(), network_backend=backend, max_connections=1) as pool,
        pool.stream(call.method, target.url, headers=call.wire_headers(), content=call.body) as response,
    ):
        yield response


def _vetted(url: str, purpose: str, *, by_operator: bool, plain: bool) -> Target:
    try:
        return parse_target(url, by_operator=by_operator, plain=plain)
    except OutboundBlocked:
        outbound_blocked.labels(purpose=purpose).inc()
        raise


def _tell(call: Call, purpose: str, error: Exception, started_s: float) -> None:
    """Log what really happened, and take as long as every other failure."""
    if isinstance(error, NotReachable):
        outbound_blocked.labels(purpose=purpose).inc()
    logger.warning(
        "outbound.failed",
        purpose=purpose,
        host=call.target.host,
        port=call.target.port,
        error=f"{type(error).__name__}: {error}",
    )
    time.sleep(max(0.0, FAILURE_TAKES_S - (time.monotonic() - started_s)))


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """Return what certificates are checked by: the machine's authorities and, on a bare one, certifi's."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _proxy() -> tuple[str, int] | None:
    """Return the operators' proxy, if there is one."""
    if not settings.OUTBOUND_PROXY:
        return None
    parts = urlsplit(settings.OUTBOUND_PROXY)
    return parts.hostname or "", parts.port or 3128


def _inflater(encoding: str) -> "zlib._Decompress | None":
    if encoding.strip().lower() in {"", "identity"}:
        return None
    if encoding.strip().lower() not in {"gzip", "x-gzip", "deflate"}:
        raise OutboundFailed("The answer is encoded in a way that nobody asked for.")
    return zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)


def _inflated(inflater: "zlib._Decompress", raw: bytes, max_bytes: int) -> bytes:
    try:
        return inflater.decompress(raw, max_bytes)
    except zlib.error as error:
        raise OutboundFailed("The answer's compressed body is damaged.") from error
