"""How fast points are taken, how soon an answer shows them, and what that costs, beside the peers.

The runs of a round follow each other, ours in turn with theirs; before each its predecessor has come to rest.
Ours is at rest when the worker has compacted what is due; what is less than due waits for the next run.
"""

import shutil
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from django.db import connection

from benchmarks.metrics_bodies import METRICS, Format, seconds_of
from benchmarks.metrics_candidates import (
    CHAIN,
    CHAIN_APPLICATION,
    Candidate,
    Sextant,
    json_headers,
    named,
    ports_of,
    readable_points,
    start_web,
    wait_until,
)
from benchmarks.metrics_load import Crew, Load, Sent, Target
from benchmarks.metrics_naive import NAIVE, Naive, NaiveFigures, wal_position
from benchmarks.metrics_peers import INFLUX, VICTORIA
from benchmarks.metrics_single import LINE, ROW, Singles, send_singles
from benchmarks.results import Goal, Row
from benchmarks.stage import Stage

READABLE_S: Final = 60.0
BEHIND_S: Final = 3.0
WARMING_POINTS, WARMING_S = 40_000, 1
COMMITS: Final = 300
LINES, ROWS, COLUMNS = "line protocol, 10,000 x 4", "JSON rows, 10,000 x 4", "JSON columns, 10,000 x 4"
READABLE, THOUSANDS, HUNDREDS = "readable in an answer, same load", "1,000 x 8", "100 x 16"
SINGLES: Final = "one point per request, 32 connections"
CPU, WAL = "CPU per million points, compaction and rollups included", "WAL over a point's whole life"
P99: Final = "p99 of "
OURS: Final = "ours"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many points a burst has, by the size of its bodies, and how long single points are sent."""

    large: int
    middle: int
    small: int
    naive_bodies: int
    single_s: int

    @classmethod
    def of(cls, stage: Stage) -> "Sizes":
        """Return those of a whole or a quick run."""
        if stage.quick:
            return cls(100_000, 40_000, 8_000, 1, 1)
        return cls(2_000_000, 2_000_000, 500_000, 2, 5)


@dataclass(slots=True)
class Samples:
    """All figures by line of the table and by candidate, one per round."""

    figures: dict[str, dict[str, list[float]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )

    def add(self, what: str, who: str, value: float) -> None:
        """Keep one figure."""
        self.figures[what][who].append(value)

    def row(self, what: str, unit: str, goals: Sequence[Goal] = ()) -> Row:
        """Return a line of the table."""
        samples = dict(self.figures[what])
        return Row(what, unit, samples.pop(OURS, []), samples, goals)


@dataclass
class Ingest:
    """Everybody who takes points; peers that are not installed are missing."""

    stage: Stage
    crew: Crew
    ours: Sextant
    peers: Mapping[str, Candidate]
    sizes: Sizes
    samples: Samples = field(default_factory=Samples)

    def __post_init__(self) -> None:
        self._naive = Naive(self.ours.candidate.next_s)
        chain = start_web(self.stage, CHAIN_APPLICATION, "chain")
        self._chain = Target(ports_of(chain), "/api/v1/metrics/value", json_headers(self.ours.key), 201)

    def warm(self) -> None:
        """Let everybody meet the metrics, fill caches and start what they start late."""
        for candidate in self._all().values():
            self._send(candidate, Format.LINES, WARMING_POINTS, 10_000, 4)
        for format_ in (Format.ROWS, Format.COLUMNS):
            self._send(self.ours.candidate, format_, WARMING_POINTS, 10_000, 4)
        if shutil.which("wrk"):
            self._send_singles(CHAIN, self._chain, WARMING_S)

    def round(self) -> None:
        """Measure everybody once."""
        self._large_bodies()
        for what, points, body_points, connections in (
            (THOUSANDS, self.sizes.middle, 1_000, 8),
            (HUNDREDS, self.sizes.small, 100, 16),
        ):
            for who, candidate in self._all().items():
                sent = self._send(candidate, Format.LINES, points, body_points, connections)
                self._keep(what, who, sent)
        self._naive_bodies()
        if not self.stage.lacks("wrk"):
            self._single_points()

    def _all(self) -> dict[str, Candidate]:
        return {OURS: self.ours.candidate, **self.peers}

    def _large_bodies(self) -> None:
        """Send ours in all formats, and in between the peers what they take fastest."""
        self._lines_with_costs(OURS, self.ours.candidate)
        between = list(self.peers.items())
        for number, (what, format_) in enumerate(((ROWS, Format.ROWS), (COLUMNS, Format.COLUMNS))):
            if number < len(between):
                self._lines_with_costs(*between[number])
            sent = self._send(self.ours.candidate, format_, self.sizes.large, 10_000, 4)
            self._keep(what, OURS, sent)
            self.samples.add(P99 + what, OURS, sent.p99_ms)
        for who in self.peers:
            for kept in (LINES, P99 + LINES):
                for what in (ROWS, COLUMNS):
                    self.samples.add(kept.replace(LINES, what), who, self.samples.figures[kept][who][-1])

    def _lines_with_costs(self, who: str, candidate: Candidate) -> None:
        first_s = candidate.next_s
        candidate.settle()
        before_s, wal = self._cpu_s(candidate), wal_position()
        sent = self._send(candidate, Format.LINES, self.sizes.large, 10_000, 4)
        expected = sent.points // METRICS
        wait_until(
            lambda: self._readable(candidate, first_s) >= expected, READABLE_S, f"{who} shows all points"
        )
        readable_s = time.monotonic() - sent.began_s
        if who == OURS:
            self.ours.compact()
            self.samples.add(WAL, OURS, (wal_position() - wal) / sent.points)
        # Who writes behind its answers begins a while later.
        time.sleep(0.0 if self.stage.quick else BEHIND_S)
        candidate.settle()
        used_s = {name: after_s - before_s[name] for name, after_s in self._cpu_s(candidate).items()}
        self._keep(LINES, who, sent)
        self.samples.add(P99 + LINES, who, sent.p99_ms)
        self.samples.add(READABLE, who, sent.points / readable_s)
        self.samples.add(CPU, who, sum(used_s.values()) / sent.points * 1e6)
        parts = ", ".join(f"{name} {used / sent.points * 1e6:.2f}" for name, used in used_s.items())
        self.stage.say(f"CPU seconds per million points of {who}: {parts}")

    def _cpu_s(self, candidate: Candidate) -> dict[str, float]:
        """Return the CPU time of a candidate; this process compacts at the end what is less than due."""
        own = {"last compaction": time.process_time()} if candidate is self.ours.candidate else {}
        return candidate.cpu_s() | own

    def _readable(self, candidate: Candidate, first_s: int) -> int:
        return readable_points(candidate, self.ours, first_s, candidate.next_s)

    def _send(
        self, candidate: Candidate, format_: Format, points: int, body_points: int, connections: int
    ) -> Sent:
        candidate.settle()
        target = candidate.targets[format_]
        load = Load(
            target, format_, body_points, connections, candidate.next_s, requests=points // body_points
        )
        candidate.next_s += seconds_of(points)
        return self.crew.send(load)

    def _keep(self, what: str, who: str, sent: Sent) -> None:
        self.samples.add(what, who, sent.points_per_s)
        self.stage.say(f"{what}: {who} {sent.points_per_s:,.0f} points/s, p99 {sent.p99_ms:.1f} ms")

    def _naive_bodies(self) -> None:
        self.ours.candidate.settle()
        figures: NaiveFigures = self._naive.write(self.sizes.naive_bodies)
        self.samples.add(LINES, NAIVE, figures.points_per_s)
        self.samples.add(CPU, NAIVE, figures.cpu_s_per_million)
        self.samples.add(WAL, NAIVE, figures.wal_bytes_per_point)
        self.stage.say(f"{NAIVE}: {figures.points_per_s:,.0f} points/s")

    def _single_points(self) -> None:
        """Send one point a request: ours by JSON as Django's chain, the peers by line protocol."""
        value = replace(self._chain, ports=self.ours.candidate.targets[Format.ROWS].ports)
        lines = {who: candidate.targets[Format.LINES] for who, candidate in self.peers.items()}
        for who, target in {OURS: value, **lines, CHAIN: self._chain}.items():
            singles = self._send_singles(who, target, self.sizes.single_s)
            self.samples.add(SINGLES, who, singles.points_per_s)
            self.samples.add(P99 + SINGLES, who, singles.p99_ms)
            self.stage.say(f"{SINGLES}: {who} {singles.points_per_s:,.0f}/s, p99 {singles.p99_ms:.1f} ms")

    def _send_singles(self, who: str, target: Target, seconds: int) -> Singles:
        candidate = self._all().get(who, self.ours.candidate)
        candidate.settle()
        singles = send_singles(
            target,
            LINE if who in self.peers else ROW,
            first_s=candidate.next_s,
            seconds=seconds,
            folder=self.stage.folder,
        )
        candidate.next_s += singles.points // 1_000 // 10 * 10 + 10
        return singles


def ingest_rows(samples: Samples, peers: Mapping[str, Candidate], commit_p99_ms: float) -> list[Row]:
    """Return the lines of the table with what is promised."""
    victoria, influx = named(VICTORIA, peers), named(INFLUX, peers)
    fast = [LINES, ROWS, COLUMNS]
    return [
        samples.row(LINES, "points/s", [Goal(victoria, 1.0), Goal(influx, 2.7), Goal(NAIVE, 60)]),
        samples.row(ROWS, "points/s", [Goal(victoria, 0.8), Goal(influx, 2.1)]),
        samples.row(COLUMNS, "points/s", [Goal(victoria, 1.5)]),
        samples.row(READABLE, "points/s", [Goal(victoria, 1.5)]),
        samples.row(THOUSANDS, "points/s", [Goal(victoria, 0.6), Goal(influx, 2)]),
        samples.row(HUNDREDS, "points/s", [Goal(victoria, 0.3), Goal(influx, 1.0)]),
        samples.row(SINGLES, "points/s", [Goal(victoria, 0.25), Goal(influx, 0.7), Goal(CHAIN, 15)]),
        samples.row(P99 + SINGLES, "ms", [Goal(at_most=round(10 + commit_p99_ms, 1))]),
        *[samples.row(P99 + what, "ms", [Goal(victoria, at_most=0.25)]) for what in fast],
        samples.row(CPU, "s", [Goal(victoria, at_most=0.85)]),
        samples.row(WAL, "bytes", [Goal(at_most=14)]),
    ]


def commit_p99() -> float:
    """Return how long a commit of one row takes here at the 99th percentile, in ms, nobody else writing."""
    times_ms = []
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS bench_commit (n integer)")
        for number in range(COMMITS):
            began_s = time.perf_counter()
            cursor.execute("INSERT INTO bench_commit VALUES (%s)", [number])
            times_ms.append((time.perf_counter() - began_s) * 1_000)
        cursor.execute("DROP TABLE bench_commit")
    return sorted(times_ms)[int(COMMITS * 0.99) - 1]
