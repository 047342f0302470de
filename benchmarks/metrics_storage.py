"""What stored points weigh, how fast they are compacted, and how they leave."""

import datetime as dt
import re
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from django.db import connection

from apps.metrics.codec.payloads import encode_chunk
from apps.metrics.storage.partitions import CHUNKS, drop_partition, ensure_partitions, partitions_of, start_of
from benchmarks.metrics_bodies import Format, seconds_of, walk
from benchmarks.metrics_candidates import DAY_S, Candidate, Sextant, ask, victoria
from benchmarks.metrics_history import send_history
from benchmarks.metrics_load import Crew, Load
from benchmarks.metrics_naive import NAIVE, delete_and_vacuum_ms
from benchmarks.metrics_peers import VICTORIA
from benchmarks.metrics_processes import cpu_s, postgres_pid
from benchmarks.results import Goal, Row
from benchmarks.stage import Stage

WEIGHED_METRICS: Final = 100
BODY_LINES: Final = 10_000
MILLION: Final = 1_000_000
# A day whose partition nobody else uses.
EXPIRED: Final = dt.date(2001, 1, 1)
CHUNK_POINTS: Final = 10_000
FILL: Final = """
INSERT INTO metrics_point_chunk (shard_id, number, day, part, level, point_count, min_value, max_value,
                                 first_at, last_at, payload)
SELECT %s, n, %s, nextval('metrics_point_chunk_part_seq'), 0, %s, 0, 1000, %s, %s, %s
FROM generate_series(1, %s) AS n
"""


@dataclass(frozen=True, slots=True)
class Precision:
    """How finely times are cut, and what is promised of it."""

    what: str
    unit_us: int
    day: int
    goals: Sequence[Goal]


def precisions(victoria: str) -> list[Precision]:
    """Return the three kinds of times; each lies on a day of its own, past for our organization's bounds."""
    return [
        Precision("whole seconds", 1_000_000, 20, [Goal(at_most=1.5)]),
        Precision("milliseconds", 1_000, 21, [Goal(victoria, at_most=0.95)]),
        Precision("random microseconds", 1, 22, [Goal(at_most=4.8)]),
    ]


def weighed_bodies(precision: Precision, points: int) -> list[bytes]:
    """Return line protocol of 100 metrics over one day at even steps, each time within its step at random."""
    steps = points // WEIGHED_METRICS
    step_us = DAY_S * 1_000_000 // steps
    start_us = (int(time.time()) // DAY_S - precision.day) * DAY_S * 1_000_000
    jitter = np.random.default_rng(3).integers(0, step_us, (steps, WEIGHED_METRICS))
    if precision.unit_us == 1_000_000:
        jitter = np.zeros_like(jitter)
    times = (start_us + np.arange(steps)[:, None] * step_us + jitter) // precision.unit_us * precision.unit_us
    cents = walk((steps, WEIGHED_METRICS))
    lines = [
        f"weighed.{precision.day}.h{metric:02d} value={value // 100}.{value % 100:02d} {at_us}000\n"
        for at_row, value_row in zip(times.tolist(), cents.tolist(), strict=True)
        for metric, (at_us, value) in enumerate(zip(at_row, value_row, strict=True))
    ]
    return ["".join(lines[start : start + BODY_LINES]).encode() for start in range(0, len(lines), BODY_LINES)]


def weigh(stage: Stage, ours: Sextant, peer: Candidate | None) -> list[Row]:
    """Store a million points of each kind, and return their bytes in chunks and in rollups."""
    points = MILLION // (10 if stage.quick else 1)
    rows = []
    for precision in precisions(peer.name if peer else VICTORIA):
        bodies = weighed_bodies(precision, points)
        send_history(ours.candidate, ours.candidate.targets[Format.LINES], bodies)
        ours.compact()
        # VictoriaMetrics keeps milliseconds: beside finer times its figure would say nothing.
        is_compared = peer is not None and precision.unit_us == 1_000
        peers = {peer.name: [weighed_by_victoria(stage, bodies, points)]} if peer and is_compared else {}
        chunks, rollups = weighed_chunks(ours, precision.day), weighed_rollups(ours, precision.day)
        rows += [
            Row(f"in chunks, {precision.what}", "bytes/point", [chunks / points], peers, precision.goals),
            Row(f"in rollups beside them, {precision.what}", "bytes/point", [rollups / points]),
        ]
        stage.say(f"{precision.what}: {chunks / points:.2f} bytes a point, rollups {rollups / points:.2f}")
    return rows


def weighed_chunks(ours: Sextant, day: int) -> int:
    """Return the bytes of the chunks' rows of a day, payloads included."""
    date = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=day)
    return _sum(
        "SELECT sum(pg_column_size(c.*)) FROM metrics_point_chunk c WHERE shard_id = ANY(%s) AND day = %s",
        [ours.shard_ids, date],
    )


def weighed_rollups(ours: Sextant, day: int) -> int:
    """Return the bytes of the rollup rows of a day, of both widths."""
    date = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=day)
    return _sum(
        "SELECT sum(pg_column_size(r.*)) FROM metrics_rollup r"
        " WHERE shard_id = ANY(%s) AND start_at >= %s AND start_at < %s",
        [ours.shard_ids, start_of(date), start_of(date + dt.timedelta(days=1))],
    )


def _sum(statement: str, parameters: Sequence[Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return int(cursor.fetchone()[0] or 0)


def weighed_by_victoria(stage: Stage, bodies: list[bytes], points: int) -> float:
    """Return the bytes a point of what VictoriaMetrics keeps of these points alone, all merged."""
    candidate = victoria(stage, "weighed")
    send_history(candidate, candidate.targets[Format.LINES], bodies)
    for path in ("/internal/force_flush", "/internal/force_merge"):
        ask(candidate.port, path)
    candidate.settle()
    with urllib.request.urlopen(f"http://127.0.0.1:{candidate.port}/metrics") as answer:
        figures = answer.read().decode()
    stage.stop(candidate.server)
    sizes = re.findall(r'vm_data_size_bytes{type="storage/\w+"} (\d+)', figures)
    return sum(map(int, sizes)) / points


def compaction_rows(stage: Stage, crew: Crew, ours: Sextant) -> list[Row]:
    """Compact a burst in this process, worker and clock being stopped; one core at most works on it."""
    points = 100_000 if stage.quick else 2 * MILLION
    postgres = [pid for pid in [postgres_pid()] if pid]
    wall, cpu = [], []
    for _ in range(stage.rounds):
        candidate = ours.candidate
        load = Load(
            candidate.targets[Format.LINES],
            Format.LINES,
            10_000,
            4,
            candidate.next_s,
            requests=points // 10_000,
        )
        candidate.next_s += seconds_of(points)
        crew.send(load)
        began_s, used_s = time.monotonic(), cpu_s(postgres) + time.process_time()
        compacted = ours.compact()
        wall.append(compacted / (time.monotonic() - began_s))
        cpu.append(compacted / (cpu_s(postgres) + time.process_time() - used_s))
        stage.say(f"compaction: {wall[-1]:,.0f} points/s, {cpu[-1]:,.0f} per CPU second")
    return [
        Row("compaction and rollups, one process", "points/s", wall),
        Row("the same by CPU time, PostgreSQL's included", "points/CPU s", cpu),
    ]


def retention_row(stage: Stage, ours: Sextant) -> Row:
    """Drop the partition of a past day with a million points; beside it DELETE and VACUUM of rows."""
    points = MILLION // (10 if stage.quick else 1)
    drops, deletes = [], []
    for _ in range(stage.rounds):
        drops.append(drop_ms(ours, points))
        deletes.append(delete_and_vacuum_ms(points))
        stage.say(f"retention: {drops[-1]:.1f} ms, DELETE and VACUUM {deletes[-1]:.0f} ms")
    return Row("retention of a million points", "ms", drops, {NAIVE: deletes}, [Goal(at_most=30)])


def drop_ms(ours: Sextant, points: int) -> float:
    """Fill a past day with chunks of 10,000 points, and return how long its partition takes to go."""
    times = start_of(EXPIRED) + np.arange(CHUNK_POINTS, dtype=np.int64) * 8_000_000
    payload = encode_chunk(times, walk((CHUNK_POINTS, 1))[:, 0] / 100)
    ensure_partitions([EXPIRED])
    with connection.cursor() as cursor:
        cursor.execute(
            FILL,
            [
                ours.shard_ids[0],
                EXPIRED,
                CHUNK_POINTS,
                int(times[0]),
                int(times[-1]),
                payload,
                points // CHUNK_POINTS,
            ],
        )
    partition = next(each for each in partitions_of(CHUNKS) if each.first == EXPIRED)
    began_s = time.perf_counter()
    drop_partition(partition)
    return (time.perf_counter() - began_s) * 1_000
