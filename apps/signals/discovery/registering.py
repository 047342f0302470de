"""Rows for the graphs and runs that lie under RUNS_ROOT."""

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction

from apps.accounts.models import Organization
from apps.accounts.models.organization import SYSTEM_SLUG
from apps.signals.artifacts.control import RunManifest, Unreadable, parse_started_at, read_control
from apps.signals.artifacts.listing import MANIFEST
from apps.signals.discovery.folders import GraphFolder, find_graphs
from apps.signals.models import Graph, Run
from apps.signals.states import RunStatus
from apps.signals.storage.places import runs_root

logger = structlog.get_logger(__name__)


def register_all(organization: Organization | None = None) -> list[Graph]:
    """Register every graph and run; return the graphs that belong to somebody, by their place.

    A graph without a row goes to `organization`, by default to the installation's choice; without one it
    stays unclaimed.
    """
    owner = organization or default_organization()
    graphs: list[Graph] = []
    for folder in find_graphs(runs_root()):
        graph = Graph.objects.select_related("organization").filter(root=folder.root).first()
        if graph is None and owner is not None:
            graph = claim_folder(folder, owner)
        if graph is not None:
            register_runs(graph, folder)
            graphs.append(graph)
    return graphs


def unclaimed_graphs() -> list[GraphFolder]:
    """Return the graph folders that belong to no organization, by their place."""
    claimed = set(Graph.objects.values_list("root", flat=True))
    return [folder for folder in find_graphs(runs_root()) if folder.root not in claimed]


def default_organization() -> Organization | None:
    """Return whose a new graph is: of SIGNALS_DEFAULT_ORGANIZATION, else of the only one, else None."""
    living = Organization.objects.living()
    if settings.SIGNALS_DEFAULT_ORGANIZATION:
        return living.filter(slug=settings.SIGNALS_DEFAULT_ORGANIZATION).first()
    only = list(living.exclude(slug=SYSTEM_SLUG).order_by("pk")[:2])
    return only[0] if len(only) == 1 else None


def claim_folder(folder: GraphFolder, owner: Organization) -> Graph | None:
    """Make a graph of a folder; None if its owner has another graph of that name."""
    if Graph.objects.filter(organization=owner, name=folder.name).exclude(root=folder.root).exists():
        # `x` and `insight_graph/x` would both be the owner's graph x.
        logger.warning("signals_graph_name_taken", root=folder.root)
        return None
    try:
        with transaction.atomic():
            return Graph.objects.create(organization=owner, name=folder.name, root=folder.root)
    except IntegrityError:
        # Another process was faster.
        return Graph.objects.select_related("organization").filter(root=folder.root).first()


def register_runs(graph: Graph, folder: GraphFolder) -> None:
    """Make a row for each run that has none; one whose manifest cannot be read yet comes the next time."""
    known = set(Run.objects.filter(graph=graph).values_list("run_id", flat=True))
    for run_id in folder.run_ids:
        if run_id not in known:
            _register(graph, run_id)


def _register(graph: Graph, run_id: str) -> None:
    try:
        manifest = read_control(runs_root() / graph.root / run_id, MANIFEST, RunManifest)
        started_at = parse_started_at(manifest.started_at)
    except (Unreadable, ValueError) as error:
        logger.info("signals_run_unreadable", graph=graph.root, run=run_id, reason=str(error)[:200])
        return
    # Two clocks may see the folder at the same time: the constraint lets one row stand.
    Run.objects.bulk_create(
        [
            Run(
                organization_id=graph.organization_id,
                graph=graph,
                run_id=run_id,
                status=RunStatus.WAITING,
                started_at=started_at,
            )
        ],
        ignore_conflicts=True,
    )
