"""The raw load: gate, copy, keys, indexes and attachment of a whole run, against parsing its lines alone."""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import orjson

from apps.common import jobs
from apps.signals.models import Run, RunLoad
from apps.signals.services import start_load
from apps.signals.states import RunStatus
from apps.signals.storage.places import folder_of
from apps.signals.storage.raw import drop_run
from apps.signals.tasks import run_load
from benchmarks.results import Goal, Row
from benchmarks.signals_ground import Ground
from benchmarks.stage import Stage

ENTITIES: Final = 100_000
ENTITIES_QUICK: Final = 3_000
MEGABYTE: Final = 1_000_000
PARSER: Final = "orjson, one core"
EVERY_S: Final = 0.1


def load_rows(stage: Stage, ground: Ground) -> Sequence[Row]:
    """Load one run as often as there are rounds; each time its lines are parsed as well."""
    (run,) = ground.runs(ENTITIES_QUICK if stage.quick else ENTITIES)
    megabytes = lines_bytes(folder_of(run)) / MEGABYTE
    stage.notes.append(f"The run has {megabytes:,.0f} MB of JSON lines.")
    ours: list[float] = []
    parsed: list[float] = []
    grown: list[float] = []
    for _round in range(stage.rounds):
        parsed.append(megabytes / parse(folder_of(run)))
        with watched_memory() as peak:
            seconds = load(ground, run)
        ours.append(megabytes / seconds)
        grown.append(peak[0] / MEGABYTE)
        stage.say(f"loaded {ours[-1]:.1f} MB/s, parsed {parsed[-1]:.1f} MB/s, {grown[-1]:.0f} MB more memory")
    return [
        Row("raw load of a run's JSON lines", "MB/s", ours, {PARSER: parsed}, [Goal(at_least=30)]),
        Row(
            "memory while it loads, all processes, beyond that before", "MB", grown, goals=[Goal(at_most=200)]
        ),
    ]


def load(ground: Ground, run: Run) -> float:
    """Load a run afresh, here; returns the seconds."""
    drop_run(run.pk)
    run.loads.all().delete()
    run.files.all().delete()
    Run.objects.filter(pk=run.pk).update(status=RunStatus.WAITING)
    row = start_load(actor=ground.actor, run=run)
    began_s = time.monotonic()
    jobs.execute(run_load.kind, row.pk)
    seconds = time.monotonic() - began_s
    ended = RunLoad.objects.get(pk=row.pk)
    if ended.status != "succeeded":
        raise RuntimeError(f"The load has failed: {ended.error_code} {ended.error_detail}")
    return seconds


def parse(folder: Path) -> float:
    """Parse every line of a run and keep nothing; returns the seconds."""
    began_s = time.monotonic()
    for path in line_files(folder):
        with path.open("rb") as lines:
            for line in lines:
                orjson.loads(line)
    return time.monotonic() - began_s


def lines_bytes(folder: Path) -> int:
    """Return how many bytes of JSON lines a run has."""
    return sum(path.stat().st_size for path in line_files(folder))


def line_files(folder: Path) -> list[Path]:
    """Return a run's files of JSON lines."""
    return sorted(folder.rglob("*.jsonl"))


@contextmanager
def watched_memory() -> Iterator[list[float]]:
    """Yield a list whose item is the peak of this process and its children, less what was held before."""
    before = memory_held()
    peak = [0.0]
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(EVERY_S):
            peak[0] = max(peak[0], memory_held() - before)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        is_over.set()
        thread.join()


def memory_held() -> float:
    """Return the proportional memory of this process and its children, in bytes."""
    own = os.getpid()
    children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
    return sum(_pss_bytes(pid) for pid in [str(own), *children])


def _pss_bytes(pid: str) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0  # it has ended meanwhile
    return next((1024.0 * int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0.0)
