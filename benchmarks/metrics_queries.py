"""Queries of history: by hour, percentiles by day, many metrics, one small one, and the same again.

Ours and the peers' are asked over one kept connection each; a sample is the median answer of a round.
"""

import itertools
import socket
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from benchmarks.metrics_history import BIG, BIG_DAYS, DAY_S, HOUR_S, SMALL_DAYS, History, small

MINUTE_S: Final = 60
# How often a query is asked in a round at most, and how long; in a quick run, and for the same again.
ROUND_S, QUICK_ROUND_S, REPEATS = 1.0, 0.05, 20
IDLE_S: Final = 2.0
# The shortest answer that has any points in it.
ANSWER_BYTES: Final = 500
NO_CACHE: Final = "&nocache=1"


@dataclass(frozen=True, slots=True)
class Window:
    """Seconds from and to, to excluded."""

    from_s: int
    to_s: int

    def slid(self, step_s: int, number: int) -> "Window":
        """Return the window so many steps earlier."""
        return Window(self.from_s - number * step_s, self.to_s - number * step_s)


@dataclass(frozen=True, slots=True)
class Question:
    """One query in three languages, each a path made of a window; None where a peer is not asked."""

    what: str
    window: Window
    step_s: int
    ours: Callable[[Window], str]
    victoria: Callable[[Window], str]
    influx: Callable[[Window], str] | None = None


def questions(history: History) -> dict[str, Question]:
    """Return the questions by a short name."""
    big = Window(history.end_s - BIG_DAYS * DAY_S, history.end_s)
    week = Window(history.end_s - SMALL_DAYS * DAY_S, history.end_s)
    day = Window(history.end_s - DAY_S, history.end_s)
    return {
        "hours": Question(
            "one metric of a million points, 30 d by hour",
            big,
            HOUR_S,
            ours(f"metric={BIG}", "interval=hour&aggregation=avg"),
            victoria(f'avg_over_time({{__name__="{BIG}_value"}}[1h])', HOUR_S),
            influx("mean(value)", BIG, "1h"),
        ),
        "percentiles": Question(
            "the same, p50, p95, p99 by day",
            big,
            HOUR_S,
            ours(f"metric={BIG}", "interval=day&aggregation=p50,p95,p99"),
            victoria(f'quantiles_over_time("phi", 0.5, 0.95, 0.99, {{__name__="{BIG}_value"}}[1d])', DAY_S),
            influx("percentile(value,50),percentile(value,95),percentile(value,99)", BIG, "1d"),
        ),
        "raw hours": Question(
            # No rollup has such edges, so all points are read.
            "the same without rollups, by 59 minutes",
            big,
            HOUR_S,
            ours(f"metric={BIG}", "interval=59m&aggregation=avg"),
            victoria(f'avg_over_time({{__name__="{BIG}_value"}}[59m])', 59 * MINUTE_S),
        ),
        "raw percentiles": Question(
            "exact p50, p95, p99 by day",
            big,
            HOUR_S,
            ours(f"metric={BIG}", "interval=day&aggregation=p50,p95,p99&exact=true"),
            victoria(f'quantiles_over_time("phi", 0.5, 0.95, 0.99, {{__name__="{BIG}_value"}}[1d])', DAY_S),
        ),
        "many": Question(
            "100 metrics, 7 d by hour",
            week,
            HOUR_S,
            ours("match=history.small.*", "interval=hour&aggregation=avg"),
            victoria('avg_over_time({__name__=~"history.small.h.*_value"}[1h])', HOUR_S),
            influx("mean(value)", "/history.small.h.*/", "1h"),
        ),
        "minutes": Question(
            "one small metric, 24 h by minute",
            day,
            MINUTE_S,
            ours(f"metric={small(7)}", "interval=minute&aggregation=avg"),
            victoria(f'avg_over_time({{__name__="{small(7)}_value"}}[1m])', MINUTE_S),
            influx("mean(value)", small(7), "1m"),
        ),
    }


def ours(chosen: str, rest: str) -> Callable[[Window], str]:
    """Return the path of our query."""
    return lambda window: f"/api/v1/metrics/query?{chosen}&from={window.from_s}&to={window.to_s}&{rest}"


def victoria(query: str, step_s: int) -> Callable[[Window], str]:
    """Return the path of a range query; its buckets end at their instants."""
    path = f"/api/v1/query_range?query={quote(query)}&step={step_s}"
    return lambda window: f"{path}&start={window.from_s + step_s}&end={window.to_s}"


def influx(fields: str, measurement: str, width: str) -> Callable[[Window], str]:
    """Return the path of a query that groups by time."""
    source = measurement if measurement.startswith("/") else f'"{measurement}"'
    return lambda window: (
        "/query?db=bench&epoch=s&q="
        + quote(
            f"SELECT {fields} FROM {source} WHERE time >= {window.from_s}s AND time < {window.to_s}s"
            f" GROUP BY time({width})"
        )
    )


class Line:
    """One kept connection that asks and measures."""

    def __init__(self, port: int, headers: Sequence[str] = ()) -> None:
        self._port = port
        self._headers = headers
        self._connect()

    def _connect(self) -> None:
        self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=120)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._used_s = time.monotonic()

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def ask(self, path: str, *headers: str, status: int = 200) -> tuple[float, bytes]:
        """Return the seconds until the answer was there, and the answer with its head."""
        lines = [f"GET {path} HTTP/1.1", "Host: localhost", *self._headers, *headers, "", ""]
        request = "\r\n".join(lines).encode()
        if time.monotonic() - self._used_s > IDLE_S:
            # A server closes what is idle, and while the others answer ours may be.
            self.close()
            self._connect()
        began_s = time.perf_counter()
        self._socket.sendall(request)
        answer = bytearray()
        while not is_whole(answer):
            piece = self._socket.recv(1 << 18)
            if not piece:
                raise ConnectionError(f"closed after {bytes(answer[:300])!r}")
            answer += piece
        took_s = time.perf_counter() - began_s
        self._used_s = time.monotonic()
        if int(answer.split(b" ", 2)[1]) != status:
            raise RuntimeError(f"{path}: {bytes(answer[:800])!r}")
        return took_s, bytes(answer)


def is_whole(answer: bytes | bytearray) -> bool:
    """Tell whether all of an answer is there, by its length or its last chunk."""
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return False
    head = bytes(answer[:end]).lower()
    if b"transfer-encoding: chunked" in head:
        return answer.endswith(b"\r\n0\r\n\r\n")
    length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
    return len(answer) - end - 4 >= int(length or 0)


@contextmanager
def line_to(port: int, *headers: str) -> Iterator[Line]:
    """Connect for some questions."""
    line = Line(port, headers)
    try:
        yield line
    finally:
        line.close()


class Asking:
    """Asks one candidate the sliding windows of a question, never one of them twice."""

    def __init__(
        self, line: Line, question: Question, path: Callable[[Window], str], *, is_quick: bool
    ) -> None:
        self._line = line
        self._question = question
        self._path = path
        self._slides = itertools.count()
        self._round_s = QUICK_ROUND_S if is_quick else ROUND_S

    def sample_ms(self) -> float:
        """Return the median time of a round's answers. Raises RuntimeError if one is empty."""
        began_s = time.monotonic()
        times_ms: list[float] = []
        while len(times_ms) < REPEATS and (not times_ms or time.monotonic() - began_s < self._round_s):
            window = self._question.window.slid(self._question.step_s, next(self._slides))
            took_s, answer = self._line.ask(self._path(window))
            if len(answer) < ANSWER_BYTES:
                raise RuntimeError(f"{self._path(window)} has no points: {answer!r}")
            times_ms.append(took_s * 1_000)
        return statistics.median(times_ms)


def without_cache(path: Callable[[Window], str]) -> Callable[[Window], str]:
    """Return the path that VictoriaMetrics answers without what it remembers."""
    return lambda window: path(window) + NO_CACHE


def measured(rounds: int, askings: Mapping[str, Asking]) -> dict[str, list[float]]:
    """Return the samples of all candidates, asked in turn."""
    for asking in askings.values():
        asking.sample_ms()  # warm
    samples: dict[str, list[float]] = {name: [] for name in askings}
    for _ in range(rounds):
        for name, asking in askings.items():
            samples[name].append(asking.sample_ms())
    return samples


def again_ms(line: Line, path: str, *headers: str, status: int = 200) -> float:
    """Return the median time of the same question, asked again and again."""
    line.ask(path)
    return statistics.median(line.ask(path, *headers, status=status)[0] for _ in range(REPEATS)) * 1_000


def etag_of(answer: bytes) -> str:
    """Return the tag of an answer. Raises RuntimeError if it has none."""
    head = answer.partition(b"\r\n\r\n")[0].decode()
    for header in head.split("\r\n"):
        name, _, value = header.partition(": ")
        if name.lower() == "etag":
            return value
    raise RuntimeError("the answer has no ETag")
