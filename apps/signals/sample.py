"""The analytics runs of the sample organization: three in a row of one small graph, the same each time."""

import datetime as dt
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from apps.accounts.models import Organization
from apps.signals.discovery.folders import find_graphs
from apps.signals.discovery.registering import claim_folder, register_runs
from apps.signals.models import Graph, Run
from apps.signals.sampling.options import SampleOptions
from apps.signals.sampling.runs import make_sample_runs
from apps.signals.storage.places import runs_root

GRAPH: Final = "sample_hospitals"
ENTITIES: Final = 600
RUNS: Final = 3
PERIODS: Final = 12
# A run is of the 15th of the month after its last.
RUN_DAY: Final = 15
MONTHS: Final = 12


def make_sample(organization: Organization, *, now: dt.datetime) -> Sequence[Run]:
    """Write the runs and register them for an organization without graphs; return them in run order.

    Nothing is loaded yet: returns no run if there are graphs already, somebody else has the folder, or
    RUNS_ROOT holds runs of others: nothing invented is written among them.
    """
    if Graph.objects.filter(organization=organization).exists():
        return []
    if not find_graphs(runs_root()):
        _write_runs(now)
    folder = next((each for each in find_graphs(runs_root()) if each.root == GRAPH), None)
    graph = claim_folder(folder, organization) if folder is not None else None
    if folder is None or graph is None or graph.organization_id != organization.pk:
        return []
    register_runs(graph, folder)
    return list(graph.runs.select_related("graph").in_run_order())


def remove_sample(organization: Organization) -> None:
    """Remove the folder of the runs, so that no clock finds it again once the organization is gone."""
    if Graph.objects.filter(organization=organization, root=GRAPH).exists():
        shutil.rmtree(runs_root() / GRAPH, ignore_errors=True)


def first_period(now: dt.datetime) -> str:
    """Return the month, YYYYMM, with which the runs begin whose last one is the newest that can be."""
    last = now.year * MONTHS + now.month - 1 - (1 if now.day > RUN_DAY else 2)
    first = last - (PERIODS + RUNS - 2)
    return f"{first // MONTHS}{first % MONTHS + 1:02}"


def _write_runs(now: dt.datetime) -> None:
    """Write all runs aside and move them in at once: a killed start leaves no half of them."""
    root = runs_root()
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, prefix=".making-") as aside:
        options = SampleOptions(
            Path(aside),
            graph=GRAPH,
            entities=ENTITIES,
            runs=RUNS,
            periods=PERIODS,
            start_period=first_period(now),
        )
        for _run in make_sample_runs(options):
            pass
        (Path(aside) / GRAPH).rename(root / GRAPH)
