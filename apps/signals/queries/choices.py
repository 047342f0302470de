"""Which runs a question is about: the one that it names, else the current run of each graph."""

import uuid
from collections.abc import Sequence

from apps.accounts.permissions import Actor
from apps.common.errors import NotFound
from apps.signals.errors import RunPruned
from apps.signals.models import Graph, Run
from apps.signals.states import RunStatus


def visible_run(actor: Actor, run_id: uuid.UUID) -> Run:
    """Return a run of the actor's organization with its graph; raises NotFound. Issues one query."""
    row = Run.objects.visible_to(actor).select_related("graph").filter(pk=run_id).first()
    if row is None:
        raise NotFound
    return row


def chosen_runs(
    actor: Actor, *, run: uuid.UUID | None = None, graph: uuid.UUID | None = None
) -> Sequence[Run]:
    """Return the named run, else the current ones, of one graph or of all, the newest first.

    Raises NotFound, and RunPruned for a run whose rows are gone. Issues one query.
    """
    if run is not None:
        return [unpruned(visible_run(actor, run))]
    graphs = Graph.objects.visible_to(actor)
    if graph is not None:
        graphs = graphs.filter(pk=graph)
    current = Run.objects.visible_to(actor).filter(pk__in=graphs.values("current_run"))
    return list(current.select_related("graph").order_by("-started_at", "-pk"))


def chosen_run(actor: Actor, *, run: uuid.UUID | None, graph: uuid.UUID | None = None) -> Run | None:
    """Return the named run, else the newest of the current ones, None without any."""
    return next(iter(chosen_runs(actor, run=run, graph=graph)), None)


def unpruned(run: Run) -> Run:
    """Return the run; raises RunPruned if its rows are gone."""
    if run.status == RunStatus.PRUNED:
        raise RunPruned
    return run
