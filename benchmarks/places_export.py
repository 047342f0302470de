r"""Export of all events over HTTP, beside `\copy` of their rows out of the table; memory meanwhile."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlencode

from apps.datasets.models import Segment
from apps.datasets.storage.stage import shared_partition
from benchmarks.places_ground import Ground, psql
from benchmarks.places_maps import Asking, start_web, viewer_key
from benchmarks.results import Goal, Row
from benchmarks.signals_load import EVERY_S, MEGABYTE
from benchmarks.stage import Server, Stage

COPY: Final = "\\copy out"
FORMATS: Final = ("csv", "parquet", "arrow")


def export_rows(stage: Stage, ground: Ground) -> Sequence[Row]:
    """Read all events in three formats from one web process."""
    server = start_web(stage)
    asking = Asking(server, viewer_key(ground))
    version = ground.dataset.current_version
    events = version.event_count if version else 0
    rates: dict[str, list[float]] = {form: [] for form in FORMATS}
    cpu_rates: dict[str, list[float]] = {form: [] for form in FORMATS}
    copied: list[float] = []
    cpu_copied: list[float] = []
    grown: list[float] = []
    has_psql = not stage.lacks("postgresql-client")
    asking.stream(_path(ground, "csv", to="2024-01-02"))  # warm
    for _round in range(stage.rounds):
        if has_psql:
            wall_s, cpu_s = ground.meter.timed(lambda: psql(*_copies(ground)))
            copied.append(events / wall_s)
            cpu_copied.append(events / cpu_s)
        for form in FORMATS:
            before_s = server.cpu_s() + ground.meter.database_s()
            with _watched(server) as peak:
                seconds, size = asking.stream(_path(ground, form))
            spent_s = server.cpu_s() + ground.meter.database_s() - before_s
            rates[form].append(events / seconds)
            cpu_rates[form].append(events / spent_s)
            grown.append(peak[0] / MEGABYTE)
            stage.say(f"{form}: {rates[form][-1]:,.0f} events/s, {size / MEGABYTE:,.0f} MB")
    goals = [Goal(COPY, at_least=0.5)]
    return [
        *(
            Row(f"export of {events:,} events as {form}", "events/s", rates[form], {COPY: copied}, goals)
            for form in FORMATS
        ),
        *(
            Row(f"the same as {form}, by CPU", "events/CPU s", cpu_rates[form], {COPY: cpu_copied}, goals)
            for form in FORMATS
        ),
        Row("memory of web while it exports, beyond that before", "MB", grown, goals=[Goal(at_most=200)]),
    ]


def _path(ground: Ground, form: str, **more: str) -> str:
    query = {"dataset": str(ground.dataset.pk), "kind": "events", "format": form, **more}
    return f"/api/v1/export?{urlencode(query)}"


def _copies(ground: Ground) -> list[str]:
    r"""Return what psql does: the rows of each segment to nowhere, as text."""
    version = ground.dataset.current_version
    segments = Segment.objects.of_version(version.pk) if version else []
    return [
        f"\\copy (SELECT * FROM {shared_partition(segment.slab)} WHERE segment_no = {segment.no})"
        " TO '/dev/null' (FORMAT csv)"
        for segment in segments
    ]


@contextmanager
def _watched(server: Server) -> Iterator[list[float]]:
    """Yield a list whose item is the peak of a server's memory, less what it held before."""
    before = server.memory_bytes()
    peak = [0.0]
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(EVERY_S):
            peak[0] = max(peak[0], server.memory_bytes() - before)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        is_over.set()
        thread.join()
