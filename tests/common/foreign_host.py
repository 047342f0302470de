"""A foreign host on loopback, which answers as its test says."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Respond = Callable[[socket.socket, bytes], None]


@dataclass
class ForeignHost:
    """Where it listens, and the heads of the requests that came."""

    port: int
    heads: list[str] = field(default_factory=list)

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"


def plain(body: bytes, status: str = "200 OK", *headers: str) -> Respond:
    """Return a response of one piece."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    whole = "\r\n".join(lines).encode() + body
    return lambda connection, _request: connection.sendall(whole)


def redirect(location: str, status: str = "302 Found") -> Respond:
    """Return a redirect."""
    return plain(b"", status, f"Location: {location}")


@contextmanager
def serving(*responses: Respond) -> Iterator[ForeignHost]:
    """Serve one connection after the other, the last response for ever."""
    listener = socket.create_server(("127.0.0.1", 0))
    host = ForeignHost(listener.getsockname()[1])
    thread = threading.Thread(target=_serve, args=(listener, host, list(responses)), daemon=True)
    thread.start()
    try:
        yield host
    finally:
        listener.close()


def _serve(listener: socket.socket, host: ForeignHost, responses: list[Respond]) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        respond = responses.pop(0) if len(responses) > 1 else responses[0]
        threading.Thread(target=_answer, args=(connection, host, respond), daemon=True).start()


def _is_whole(request: bytes) -> bool:
    """Tell whether a request has come to its end, body included."""
    head, end, body = request.partition(b"\r\n\r\n")
    length = head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0]
    return bool(end) and len(body) >= int(length or 0)


def _answer(connection: socket.socket, host: ForeignHost, respond: Respond) -> None:
    with connection:
        request = b""
        while not _is_whole(request):
            received = connection.recv(65_536)
            if not received:
                return
            request += received
        host.heads.append(request.decode("latin-1"))
        try:
            respond(connection, request)
        except OSError:
            return  # the caller hung up, as it should when it has had enough
