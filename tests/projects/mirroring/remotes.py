"""Remotes of the tests: a real git daemon, and git's own HTTP back end, both on loopback."""

import base64
import gzip
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

from django.db import connection

from tests.projects.repositories import ENVIRONMENT


def free_port() -> int:
    """Return a port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def git_daemon(folder: Path) -> Iterator[int]:
    """Serve all repositories below a folder by git://; give the port."""
    port = free_port()
    # The program itself, in the tests' own process group: it goes with them, however they end.
    programs = subprocess.run(["git", "--exec-path"], capture_output=True, check=True, text=True).stdout
    daemon = subprocess.Popen(
        [
            f"{programs.strip()}/git-daemon",
            "--export-all",
            "--listen=127.0.0.1",
            f"--port={port}",
            f"--base-path={folder}",
        ],
        env=ENVIRONMENT,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port)
        yield port
    finally:
        daemon.terminate()
        daemon.wait()


def _wait_for(port: int) -> None:
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError(port)


class GitBackend(BaseHTTPRequestHandler):
    """git's own HTTP back end; what is answered instead of asking it may be set."""

    root = ""
    # Answered to every request instead of asking git: a status with headers.
    refusal: ClassVar[tuple[int, dict[str, str]] | None] = None
    # The Basic credentials that are asked for, as `user:secret`.
    login: ClassVar[str] = ""
    asked: ClassVar[list[str]] = []
    # Called once, in the middle of the next fetch, while git waits for the answer.
    in_fetch: ClassVar[Callable[[], object] | None] = None

    def log_message(self, *_: object) -> None:
        """Keep the tests' output quiet."""

    def do_GET(self) -> None:
        """Answer by git, unless something else is to be answered."""
        self._serve()

    def do_POST(self) -> None:
        """Answer by git, unless something else is to be answered."""
        self._serve()

    def _serve(self) -> None:
        type(self).asked.append(self.path)
        expected = "Basic " + base64.b64encode(self.login.encode()).decode()
        if self.refusal is not None:
            self._refuse(*self.refusal)
        elif self.login and self.headers.get("Authorization") != expected:
            self._refuse(401, {"WWW-Authenticate": 'Basic realm="test"'})
        else:
            self._ask_git()

    def _refuse(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _ask_git(self) -> None:
        path, _, query = self.path.partition("?")
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size) if size else self._chunks()
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if b"command=fetch" in body:
            self._call_hook()
        environment = {
            **ENVIRONMENT,
            "GIT_PROJECT_ROOT": self.root,
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        done = subprocess.run(
            ["git", "http-backend"], input=body, env=environment, capture_output=True, check=False
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self.send_response(int(headers.pop("Status", "200 OK").split()[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        with suppress(BrokenPipeError):  # whoever asked was stopped
            self.wfile.write(content)

    def _call_hook(self) -> None:
        hook, type(self).in_fetch = type(self).in_fetch, None
        if hook is not None:
            try:
                hook()
            finally:
                connection.close()

    def _chunks(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return b""
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body


@contextmanager
def http_remote(folder: Path) -> Iterator[tuple[int, type[GitBackend]]]:
    """Serve all repositories below a folder by http://; give the port, and the server's behaviour to set."""
    behaviour = type("Behaviour", (GitBackend,), {"root": str(folder), "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), behaviour)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1], behaviour
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def held_until_two_come(port: int) -> Iterator[int]:
    """Stand before a daemon and pass nothing on until two have called; give the port."""
    both = threading.Barrier(2, timeout=60)
    with socket.create_server(("127.0.0.1", 0)) as door:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    caller, _ = door.accept()
                    threading.Thread(target=_introduce, args=(caller, port, both), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield door.getsockname()[1]
        finally:
            # Closing alone would leave the thread waiting.
            door.shutdown(socket.SHUT_RDWR)


def _introduce(caller: socket.socket, port: int, both: threading.Barrier) -> None:
    with caller, suppress(OSError, threading.BrokenBarrierError):
        both.wait()
        with socket.create_connection(("127.0.0.1", port)) as daemon:
            threading.Thread(target=_pass_on, args=(caller, daemon), daemon=True).start()
            _pass_on(daemon, caller)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65_536):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
