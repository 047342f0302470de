"""The network under httpcore: connects to the vetted addresses only, and reads no longer than it may."""

import ssl
import time
from collections.abc import Iterable, Sequence
from typing import Any, Final

import httpcore

from apps.common.outbound.addresses import Address

CONNECT_LIMIT_S: Final = 3.0
PROXY_ANSWER_MAX_BYTES: Final = 16_384


class Deadline:
    """When the first byte and when everything must have come; seconds of the monotonic clock."""

    def __init__(self, first_byte_s: float, total_s: float) -> None:
        now_s = time.monotonic()
        self._first_at_s, self._end_at_s = now_s + first_byte_s, now_s + total_s
        self.has_begun = False

    def remaining_s(self) -> float:
        """Return what is left; raises httpcore.ReadTimeout when nothing is."""
        end_s = self._end_at_s if self.has_begun else min(self._first_at_s, self._end_at_s)
        left_s = end_s - time.monotonic()
        if left_s <= 0:
            raise httpcore.ReadTimeout
        return left_s


class VettedBackend(httpcore.NetworkBackend):
    """Connects to given addresses, whatever name it is asked for; TLS still checks the name."""

    def __init__(
        self, addresses: Sequence[Address], deadline: Deadline, proxy: tuple[str, int] | None
    ) -> None:
        self._addresses = addresses
        self._deadline = deadline
        self._proxy = proxy
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first of the addresses that answers."""
        error: Exception = httpcore.ConnectError("no address")
        for address in self._addresses:
            limit_s = min(CONNECT_LIMIT_S, self._deadline.remaining_s())
            try:
                return self._connect(address, port, limit_s)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as failure:
                error = failure
        raise error

    def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.NetworkStream:
        """Refuse: no foreign host is behind a file."""
        raise httpcore.ConnectError("not a network address")

    def sleep(self, seconds: float) -> None:
        """Wait."""
        self._plain.sleep(seconds)

    def _connect(self, address: Address, port: int, limit_s: float) -> httpcore.NetworkStream:
        if self._proxy is None:
            return BoundedStream(self._plain.connect_tcp(str(address), port, timeout=limit_s), self._deadline)
        stream = BoundedStream(self._plain.connect_tcp(*self._proxy, timeout=limit_s), self._deadline)
        try:
            open_tunnel(stream, address, port)
        except Exception:  # whatever it was, nobody else would close it
            stream.close()
            raise
        self._deadline.has_begun = False  # the proxy has spoken, the host has not
        return stream


class BoundedStream(httpcore.NetworkStream):
    """A stream whose every wait ends with the deadline, however slowly the bytes drip."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return what has come."""
        received = self._inner.read(max_bytes, timeout=self._deadline.remaining_s())
        self._deadline.has_begun = True
        return received

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it."""
        self._inner.write(buffer, timeout=self._deadline.remaining_s())

    def close(self) -> None:
        """Hang up."""
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Encrypt from here on, for the name that was asked for."""
        limit_s = self._deadline.remaining_s()
        return BoundedStream(self._inner.start_tls(ssl_context, server_hostname, limit_s), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        """Return facts of the connection."""
        return self._inner.get_extra_info(info)


def open_tunnel(stream: httpcore.NetworkStream, address: Address, port: int) -> None:
    """Have the operators' proxy connect to the vetted address, not to a name that it resolves itself."""
    host = f"[{address}]" if address.version == 6 else str(address)  # noqa: PLR2004 - the IP version
    stream.write(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        received = stream.read(1)  # byte by byte: what follows the head belongs to the tunnel
        if not received or len(answer) > PROXY_ANSWER_MAX_BYTES:
            raise httpcore.ConnectError("the proxy hung up")
        answer += received
    if answer.split(b" ", 2)[1:2] != [b"200"]:
        raise httpcore.ConnectError("the proxy refused")
