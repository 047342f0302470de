"""Senders of points: two lean processes with raw keep-alive sockets, so that they are not the limit.

A connection sends a body, waits for the answer and sends the next. What is refused for overload is sent again
after the second that the answer asks for.
"""

import heapq
import math
import multiprocessing
import select
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, Final, Self

from benchmarks.metrics_bodies import Format, Pool

PROCESSES: Final = 2
ANSWER_S: Final = 60.0
OVERLOADED: Final = 503
OVERLOAD_PAUSE_S: Final = 1.0
# How many seconds of all metrics a pool holds before its readings begin again, by size of the bodies; such
# that a body of the pool is always sent over the same connection.
SPAN_S: Final = {10_000: 320, 1_000: 160, 100: 32}


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go, dealt over the ports in turn, and the status that means success."""

    ports: tuple[int, ...]
    path: str
    headers: tuple[str, ...] = ()
    status: int = 204

    def head(self, length: int) -> bytes:
        """Return the head of a request with a body of so many bytes."""
        lines = [f"POST {self.path} HTTP/1.1", "Host: localhost", f"Content-Length: {length}", *self.headers]
        return "\r\n".join([*lines, "", ""]).encode()


@dataclass(frozen=True, slots=True)
class Load:
    """What to send: so many requests, or as many as fit into `seconds`, from second `first_s` on.

    With `points_per_s` not faster than that; dense means ten points a second of each metric, else one.
    """

    target: Target
    format: Format
    body_points: int
    connections: int
    first_s: int
    requests: int = 0
    seconds: float = 0.0
    points_per_s: float = 0.0
    is_dense: bool = False


@dataclass(slots=True)
class Sent:
    """What was sent and answered; instants are of the monotonic clock."""

    points: int = 0
    refused: int = 0
    began_s: float = math.inf
    ended_s: float = 0.0
    latencies_s: list[float] = field(default_factory=list)

    def add(self, other: "Sent") -> None:
        """Take in what another process sent at the same time."""
        self.points += other.points
        self.refused += other.refused
        self.began_s = min(self.began_s, other.began_s)
        self.ended_s = max(self.ended_s, other.ended_s)
        self.latencies_s += other.latencies_s

    @property
    def points_per_s(self) -> float:
        """Return the pace from the first request to the last answer."""
        return self.points / (self.ended_s - self.began_s)

    @property
    def p99_ms(self) -> float:
        """Return the 99th percentile of the answers' times."""
        ordered = sorted(self.latencies_s)
        return ordered[math.ceil(0.99 * len(ordered)) - 1] * 1_000


class Crew:
    """The sending processes, started once for all runs."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._accepted: list[Any] = [context.RawValue("Q", 0) for _ in range(PROCESSES)]
        self._pipes: list[Connection] = []
        self._processes = []
        for number in range(PROCESSES):
            pipe, other = context.Pipe()
            arguments = (number, self._accepted[number], other)
            process = context.Process(target=_serve, args=arguments, daemon=True)
            process.start()
            self._pipes.append(pipe)
            self._processes.append(process)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for pipe, process in zip(self._pipes, self._processes, strict=True):
            pipe.send(None)
            process.join(10)
            process.kill()

    @property
    def accepted(self) -> int:
        """Return how many points of the present or last run were acknowledged, over all processes."""
        return sum(int(counter.value) for counter in self._accepted)

    def send(self, load: Load) -> Sent:
        """Send a load and wait for its end. Raises RuntimeError for an answer that is no success."""
        self.start(load)
        return self.result()

    def start(self, load: Load) -> None:
        """Begin to send, when all processes have their bodies and connections."""
        for pipe in self._pipes:
            pipe.send(load)
        for pipe in self._pipes:
            _received(pipe)
        for pipe in self._pipes:
            pipe.send("go")

    def has_ended(self) -> bool:
        """Tell whether the result is there."""
        return all(pipe.poll() for pipe in self._pipes)

    def result(self) -> Sent:
        """Wait for the end of what was started."""
        total = Sent()
        # All are heard before any complaint, else the next answer would be that of this run.
        for answer in [pipe.recv() for pipe in self._pipes]:
            total.add(_checked(answer))
        return total


def _received(pipe: Connection) -> Any:
    if not pipe.poll(ANSWER_S):
        raise TimeoutError("a sender does not answer")
    return _checked(pipe.recv())


def _checked(answer: Any) -> Any:
    if isinstance(answer, Exception):
        raise answer
    return answer


def _serve(process: int, accepted: Any, pipe: Connection) -> None:
    pools: dict[tuple[Format, int, bool], Pool] = {}
    while (load := pipe.recv()) is not None:
        chosen = load.format, load.body_points, load.is_dense
        if chosen not in pools:
            span_s = SPAN_S[load.body_points]
            pools[chosen] = Pool(load.format, load.body_points, span_s=span_s, is_dense=load.is_dense)
        try:
            sender = _Sender(load, pools[chosen], process, accepted)
            pipe.send("ready")
            pipe.recv()
            pipe.send(sender.run())
        except (OSError, RuntimeError) as error:
            pipe.send(error)


@dataclass(slots=True)
class _Channel:
    """One connection: what of its request is unsent, what of the answer has come."""

    connection: socket.socket
    number: int
    unsent: list[memoryview] = field(default_factory=list)
    answer: bytes = b""
    began_s: float = 0.0


class _Sender:
    """The loop of one process over its share of the connections."""

    def __init__(self, load: Load, pool: Pool, process: int, accepted: Any) -> None:
        self._load = load
        self._pool = pool
        self._accepted = accepted
        self._sent = Sent()
        self._epoll = select.epoll()
        self._channels: dict[int, _Channel] = {}
        self._paused: list[tuple[float, int]] = []
        self._pace_s = load.body_points * load.connections / load.points_per_s if load.points_per_s else 0.0
        self._end_s = math.inf
        accepted.value = 0
        for number in range(process, load.connections, PROCESSES):
            port = load.target.ports[number % len(load.target.ports)]
            connection = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setblocking(False)
            self._channels[connection.fileno()] = _Channel(connection, number)

    def run(self) -> Sent:
        """Send everything, and return what came of it."""
        self._sent.began_s = time.monotonic()
        if self._load.seconds:
            self._end_s = self._sent.began_s + self._load.seconds
        for file_number in list(self._channels):
            self._epoll.register(file_number, select.EPOLLIN)
            self._begin(file_number)
        while self._channels:
            self._turn()
        self._sent.ended_s = time.monotonic()
        self._epoll.close()
        return self._sent

    def _turn(self) -> None:
        until_s = self._paused[0][0] - time.monotonic() if self._paused else ANSWER_S
        events = self._epoll.poll(max(0.0, min(until_s, ANSWER_S)))
        if not events and not self._paused:
            raise TimeoutError(f"no answer for {ANSWER_S:.0f} s from {self._load.target.path}")
        for file_number, event in events:
            if event & select.EPOLLOUT:
                self._push(file_number, select.EPOLLIN | select.EPOLLOUT)
            else:
                self._read(file_number)
        while self._paused and self._paused[0][0] <= time.monotonic():
            self._begin(heapq.heappop(self._paused)[1])

    def _begin(self, file_number: int) -> None:
        channel = self._channels[file_number]
        now_s = time.monotonic()
        if now_s >= self._end_s or (self._load.requests and channel.number >= self._load.requests):
            self._leave(file_number)
            return
        body = self._pool.body(channel.number, self._load.first_s).data
        channel.unsent = [memoryview(self._load.target.head(len(body))), body]
        channel.answer = b""
        channel.began_s = now_s
        self._push(file_number, select.EPOLLIN)

    def _push(self, file_number: int, awaited: int) -> None:
        channel = self._channels[file_number]
        try:
            while channel.unsent:
                channel.unsent = _rest(channel.unsent, channel.connection.sendmsg(channel.unsent))
        except BlockingIOError:
            pass
        wanted = select.EPOLLIN | (select.EPOLLOUT if channel.unsent else 0)
        if wanted != awaited:
            self._epoll.modify(file_number, wanted)

    def _leave(self, file_number: int) -> None:
        self._epoll.unregister(file_number)
        self._channels.pop(file_number).connection.close()

    def _read(self, file_number: int) -> None:
        channel = self._channels[file_number]
        piece = channel.connection.recv(65_536)
        channel.answer += piece
        if not piece:
            raise ConnectionError(f"closed after {channel.answer[:300]!r}")
        status = whole_status(channel.answer)
        if status is None:
            return
        now_s = time.monotonic()
        if status == OVERLOADED:
            self._sent.refused += self._load.body_points
            heapq.heappush(self._paused, (now_s + OVERLOAD_PAUSE_S, file_number))
            return
        if status != self._load.target.status:
            raise RuntimeError(channel.answer[:600].decode(errors="replace"))
        self._sent.latencies_s.append(now_s - channel.began_s)
        self._sent.points += self._load.body_points
        self._accepted.value = self._sent.points
        self._next(file_number, channel, now_s)

    def _next(self, file_number: int, channel: _Channel, now_s: float) -> None:
        channel.number += self._load.connections
        due_s = self._sent.began_s + channel.number // self._load.connections * self._pace_s
        if self._pace_s and due_s > now_s:
            heapq.heappush(self._paused, (due_s, file_number))
        else:
            self._begin(file_number)


def _rest(parts: Sequence[memoryview], sent: int) -> list[memoryview]:
    rest = []
    for part in parts:
        if sent < len(part):
            rest.append(part[sent:])
        sent = max(0, sent - len(part))
    return rest


def whole_status(answer: bytes) -> int | None:
    """Return the status of an HTTP answer once all of it is there. Raises RuntimeError for an odd framing."""
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return None
    status = int(head.split(b" ", 2)[1])
    if status == 204:
        return status
    _, found, length = head.lower().partition(b"\r\ncontent-length:")
    if not found:
        raise RuntimeError(f"an answer without a length: {answer[:300]!r}")
    return status if len(body) >= int(length.partition(b"\r\n")[0]) else None
