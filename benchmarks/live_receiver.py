"""A thousand websocket clients in one lean process: raw sockets and epoll, so that they are not the limit.

Only what a measurement needs of RFC 6455: the handshake, one message to subscribe with, pongs, and counting.
"""

import base64
import multiprocessing
import os
import re
import select
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

BATCH = 25
LIMIT_S = 60.0
MARKER = b'"at_ns":'
STAMP = re.compile(rb'"n":(\d+),"at_ns":(\d+)')
PING = b"\x89\x04"
# While deliveries are counted, reading pauses so long: several messages then come with one read.
PAUSE_S = 0.002


@dataclass(frozen=True)
class Target:
    """Where a client connects, what it says first, and what it then waits for."""

    port: int
    path: str
    headers: tuple[str, ...] = ()
    hello: bytes = b""
    welcome: bytes = b""
    ready: bytes = b""


class Receiver:
    """The clients' side of one candidate: a process with all its sockets."""

    def __init__(self, targets: Sequence[Target]) -> None:
        context = multiprocessing.get_context("spawn")
        self._delivered: Any = context.RawValue("Q", 0)
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=_run, args=(targets, self._delivered, other), daemon=True)
        self._process.start()
        self._answer()

    @property
    def delivered(self) -> int:
        """Return how many messages have arrived in all."""
        return int(self._delivered.value)

    @contextmanager
    def stamped(self) -> Iterator[dict[int, list[float]]]:
        """Collect the latencies in ms of each message by number; filled when the context ends."""
        found: dict[int, list[float]] = {}
        self._ask("stamp")
        yield found
        found.update(self._ask("count"))

    def close(self) -> None:
        """End all connections."""
        self._ask("end")
        self._process.join(10)

    def _ask(self, word: str) -> Any:
        self._pipe.send(word)
        return self._answer()

    def _answer(self) -> Any:
        if not self._pipe.poll(LIMIT_S * 3):
            raise TimeoutError("the clients do not answer")
        return self._pipe.recv()


def _run(targets: Sequence[Target], delivered: Any, pipe: Connection) -> None:
    loop = _Loop(delivered, pipe)
    for start in range(0, len(targets), BATCH):
        for client in _connect(targets[start : start + BATCH]):
            loop.add(client)
        loop.sweep(0)  # those that are connected must answer pings while the others connect
    pipe.send("connected")
    loop.run()


def _connect(targets: Sequence[Target]) -> list[socket.socket]:
    clients = []
    for target in targets:
        client = socket.create_connection(("127.0.0.1", target.port), timeout=LIMIT_S)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {target.path} HTTP/1.1",
            "Host: localhost",
            "Upgrade: websocket",
            "Connection: Upgrade",
        ]
        lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", *target.headers]
        client.sendall("\r\n".join([*lines, "", ""]).encode())
        clients.append(client)
    for client, target in zip(clients, targets, strict=True):
        _read_until(client, target.welcome or b"\r\n\r\n")
        if target.hello:
            client.sendall(b"\x81" + bytes([0x80 | len(target.hello)]) + bytes(4) + target.hello)
    for client, target in zip(clients, targets, strict=True):
        if target.ready:
            _read_until(client, target.ready)
        client.setblocking(False)
    return clients


def _read_until(client: socket.socket, wanted: bytes) -> None:
    seen = b""
    while wanted not in seen:
        chunk = client.recv(4096)
        if not chunk:
            raise ConnectionError(f"closed after {seen[-200:]!r}")
        seen += chunk


class _Loop:
    """Reads everything, counts markers, answers pings; with stamps it also measures each message's way."""

    def __init__(self, delivered: Any, pipe: Connection) -> None:
        self._sockets: dict[int, socket.socket] = {}
        self._delivered = delivered
        self._pipe = pipe
        self._rests: dict[int, bytes] = {}
        self._is_ended = False
        self._latencies: dict[int, list[float]] | None = None
        self._epoll = select.epoll()
        self._epoll.register(pipe.fileno(), select.EPOLLIN)

    def add(self, client: socket.socket) -> None:
        """Take a connected client in."""
        self._sockets[client.fileno()] = client
        self._rests[client.fileno()] = b""
        self._epoll.register(client.fileno(), select.EPOLLIN)

    def run(self) -> None:
        """Serve until told to end."""
        while not self._is_ended:
            self.sweep(1.0)
            if self._latencies is None:
                time.sleep(PAUSE_S)

    def sweep(self, timeout_s: float) -> None:
        """Read what has come."""
        for number, _ in self._epoll.poll(timeout_s):
            if number == self._pipe.fileno():
                self._obey(self._pipe.recv())
            elif number in self._sockets:
                self._read(number)

    def _obey(self, word: str) -> None:
        answer: Any = word
        if word == "stamp":
            self._latencies = {}
        elif word == "count":
            answer, self._latencies = self._latencies, None
        self._pipe.send(answer)
        self._is_ended = word == "end"

    def _read(self, number: int) -> None:
        try:
            chunk = self._sockets[number].recv(1 << 18)
        except BlockingIOError:
            return
        if not chunk:
            self._epoll.unregister(number)
            self._sockets.pop(number).close()
            return
        seen = self._rests[number] + chunk
        if PING in chunk:
            at = chunk.index(PING) + 2
            self._sockets[number].send(b"\x8a\x84" + bytes(4) + chunk[at : at + 4])
        if self._latencies is not None:
            now_ns = time.monotonic_ns()
            for match in STAMP.finditer(seen):
                self._latencies.setdefault(int(match[1]), []).append((now_ns - int(match[2])) / 1e6)
        self._delivered.value += seen.count(MARKER)
        # What may be the beginning of the next marker, and no whole marker that was counted already.
        rest = seen[-(len(MARKER) - 1) :] if self._latencies is None else seen[-80:]
        self._rests[number] = rest if MARKER not in rest else rest[rest.index(MARKER) + len(MARKER) :]
