"""Minutes of load on metrics: what is accepted, how far compaction lags behind, what memory does meanwhile.

    BENCH_SECONDS=600 BENCH_POINTS_PER_S=200000 python3 manage.py bench metrics_sustained

BENCH_SECONDS is 300 by default, BENCH_POINTS_PER_S 0, which is as fast as it goes, BENCH_BODY_POINTS 10,000
(or 1,000, or 100), BENCH_CONNECTIONS 4.
"""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from benchmarks.metrics_bodies import Format, seconds_of
from benchmarks.metrics_candidates import Candidate, Sextant, ask, counted_points, forget, sextant
from benchmarks.metrics_load import Crew, Load, Sent
from benchmarks.metrics_peers import VICTORIA
from benchmarks.metrics_processes import memory_mb
from benchmarks.results import Goal, Row
from benchmarks.stage import Stage

TITLE = "Metrics under load for minutes"
LOOK_S: Final = 10.0
QUICK_SECONDS, QUICK_LOOK_S = 2.0, 0.5
DENSE: Final = 10
# A peer is sent to for this part of the time, so that the whole run stays under twenty minutes.
PEER_PART: Final = 5
# What bounds a lag that does not grow: several compactions of a million points.
LAG_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen at one moment; memory is proportional, in MB, by process."""

    at_s: float
    accepted: int
    pending: int
    lag_s: float
    memory_mb: dict[str, float]

    def __str__(self) -> str:
        memory = ", ".join(f"{name} {held:,.0f}" for name, held in self.memory_mb.items())
        return (
            f"{self.at_s:5.0f} s: {self.accepted:>13,} points accepted, {self.pending:>10,} pending, "
            f"lag {self.lag_s:5.1f} s; MB: {memory}"
        )


@dataclass(slots=True)
class Sustained:
    """A run: what was sent, what was seen, and how many points its answers count at the end."""

    sent: Sent = field(default_factory=Sent)
    looks: list[Look] = field(default_factory=list)
    counted: int = 0

    @property
    def longest_lag_s(self) -> float:
        """Return the longest lag that was seen."""
        return max((look.lag_s for look in self.looks), default=0.0)

    @property
    def most_pending(self) -> int:
        """Return the most points that were seen waiting."""
        return max((look.pending for look in self.looks), default=0)

    def slope_mb_per_min(self, name: str) -> float:
        """Return how fast a process grew after the first third, in which it warms."""
        kept = self.looks[len(self.looks) // 3 :]
        if len(kept) < 3:
            return 0.0
        slope = np.polyfit([look.at_s for look in kept], [look.memory_mb[name] for look in kept], 1)[0]
        return float(slope) * 60

    def verdict(self) -> str:
        """Return the facts in one line."""
        grown = ", ".join(
            f"{name} {self.slope_mb_per_min(name):+.1f}" for name in (self.looks or [_NOTHING])[-1].memory_mb
        )
        is_whole = "all counted" if self.counted == self.sent.points else f"but {self.counted:,} counted"
        return (
            f"{self.sent.points:,} points accepted, {is_whole}; {self.sent.points_per_s:,.0f} a second, "
            f"p99 {self.sent.p99_ms:.0f} ms, {self.sent.refused:,} refused for overload and sent again; "
            f"longest lag {self.longest_lag_s:.1f} s, at most {self.most_pending:,} pending; "
            f"growth in MB a minute: {grown}"
        )


_NOTHING: Final = Look(0.0, 0, 0, 0.0, {})


def run(stage: Stage) -> Sequence[Row]:
    """Send for so long as the environment says."""
    seconds = seconds_of_run(stage)
    points_per_s = float(os.environ.get("BENCH_POINTS_PER_S", "0"))
    ours = sextant(stage)
    try:
        with Crew() as crew:
            result = sustain(stage, crew, ours, seconds=seconds, points_per_s=points_per_s)
    finally:
        forget(ours)
    stage.notes.append(f"After {seconds:.0f} s: {result.verdict()}.")
    return rows(result)


def rows(result: Sustained) -> list[Row]:
    """Return the lines of the table."""
    memory = [
        Row(f"memory of {name}, growth after the first third", "MB/min", [result.slope_mb_per_min(name)])
        for name in (result.looks or [_NOTHING])[-1].memory_mb
    ]
    return [
        Row("points accepted", "per s", [result.sent.points_per_s]),
        Row("answers, p99", "ms", [result.sent.p99_ms]),
        Row("compaction lag, longest", "s", [result.longest_lag_s]),
        Row("points pending, most", "points", [float(result.most_pending)]),
        *memory,
    ]


def sustained_rows(stage: Stage, crew: Crew, ours: Sextant, peer: Candidate | None) -> list[Row]:
    """Return what was sustained beside VictoriaMetrics, which has a part of the time."""
    seconds = seconds_of_run(stage)
    result = sustain(stage, crew, ours, seconds=seconds)
    stage.notes.append(f"Sustained for {seconds:.0f} s: {result.verdict()}.")
    ours.candidate.settle()
    theirs = {peer.name: [sustained_by(crew, peer, seconds / PEER_PART)]} if peer else {}
    goal = Goal(peer.name if peer else VICTORIA, 1.0)
    return [
        Row(
            f"line protocol, 10,000 x 4, sustained for {seconds:.0f} s",
            "points/s",
            [result.sent.points_per_s],
            theirs,
            [goal],
        ),
        Row("compaction lag meanwhile, longest", "s", [result.longest_lag_s], goals=[Goal(at_most=LAG_S)]),
    ]


def sustained_by(crew: Crew, peer: Candidate, seconds: float) -> float:
    """Return the pace of a peer."""
    load = Load(
        peer.targets[Format.LINES], Format.LINES, 10_000, 4, peer.next_s, seconds=seconds, is_dense=True
    )
    sent = crew.send(load)
    peer.next_s += seconds_of(sent.points // DENSE) + DENSE
    return sent.points_per_s


def seconds_of_run(stage: Stage) -> float:
    """Return how long to send."""
    return QUICK_SECONDS if stage.quick else float(os.environ.get("BENCH_SECONDS", "300"))


def sustain(
    stage: Stage, crew: Crew, ours: Sextant, *, seconds: float, points_per_s: float = 0.0
) -> Sustained:
    """Send line protocol for so long, look every ten seconds, and count at the end what is answered."""
    candidate, result = ours.candidate, Sustained()
    before = counted_points(ours)
    load = Load(
        candidate.targets[Format.LINES],
        Format.LINES,
        int(os.environ.get("BENCH_BODY_POINTS", "10000")),
        int(os.environ.get("BENCH_CONNECTIONS", "4")),
        candidate.next_s,
        seconds=seconds,
        points_per_s=points_per_s,
        is_dense=True,
    )
    watched = ("web", "worker", "PostgreSQL")
    pids = {name: each for name, each in candidate.pids.items() if name in watched}
    began_s = time.monotonic()
    crew.start(load)
    while not crew.has_ended():
        time.sleep(QUICK_LOOK_S if stage.quick else LOOK_S)
        result.looks.append(look(ours, crew, pids, time.monotonic() - began_s))
        stage.say(str(result.looks[-1]))
    result.sent = crew.result()
    candidate.next_s += seconds_of(result.sent.points // DENSE) + DENSE
    result.counted = counted_points(ours) - before
    stage.say(result.verdict())
    return result


def look(ours: Sextant, crew: Crew, pids: Mapping[str, Sequence[int]], at_s: float) -> Look:
    """See how things stand."""
    overview: dict[str, Any] = ask(ours.candidate.port, "/api/v1/metrics/overview", key=ours.key)
    memory = {name: memory_mb(each) for name, each in pids.items()}
    return Look(at_s, crew.accepted, overview["pending_points"], overview["compaction_lag_s"] or 0.0, memory)
