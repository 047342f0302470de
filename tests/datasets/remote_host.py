"""A file server on loopback that can break off, change its mind, and say what it likes about its files."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class RemoteHost:
    """What the server has and how it behaves; `asked` are the requests it got, (path, headers) each.

    `statuses` are answered first, one each. `breaks` answers break off after half of what they announced,
    `announced` is a length they state in its place. `headers` go with every whole answer.
    """

    port: int = 0
    files: dict[str, bytes] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)
    breaks: int = 0
    announced: int | None = None
    takes_ranges: bool = True
    redirects: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    @property
    def allowed(self) -> str:
        return f"127.0.0.1:{self.port}"


def tag_of(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:16]}"'


@contextmanager
def serving() -> Iterator[RemoteHost]:
    """Serve until the block ends."""
    host = RemoteHost()

    class Files(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            host.asked.append((self.path, dict(self.headers.items())))
            if self.path in host.redirects:
                self.send_response(302)
                self.send_header("Location", host.redirects[self.path])
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            content = host.files.get(self.path)
            if content is None or host.statuses:
                self.send_error(host.statuses.pop(0) if host.statuses else 404)
                return
            tag = tag_of(content)
            if self.headers.get("If-None-Match") == tag:
                self.send_response(304)
                self.end_headers()
                return
            self._send(content, tag)

        def _send(self, content: bytes, tag: str) -> None:
            wanted, first = self.headers.get("Range", ""), 0
            if host.takes_ranges and wanted and self.headers.get("If-Range") == tag:
                first = int(wanted.removeprefix("bytes=").rstrip("-"))
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
            else:
                self.send_response(200)
            rest = content[first:]
            self.send_header("ETag", tag)
            self.send_header("Content-Length", str(host.announced or len(rest)))
            for name, value in host.headers.items():
                self.send_header(name, value)
            self.end_headers()
            if host.breaks > 0:
                host.breaks -= 1
                rest = rest[: len(rest) // 2]
            self.wfile.write(rest)
            self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Files)
    host.port = server.server_address[1]
    # It looks that often whether it is to end.
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
