"""What operators change of graphs: whose they are, where they lie, how long their runs stay."""

from typing import Any, Final

from django.db import IntegrityError, transaction

from apps.accounts.permissions import Actor, require
from apps.accounts.services import record_audit
from apps.common.errors import Duplicate, FieldError, Invalid, NotFound
from apps.signals.artifacts.paths import is_node_id
from apps.signals.discovery.folders import CONTAINER
from apps.signals.discovery.registering import claim_folder, register_runs, unclaimed_graphs
from apps.signals.models import Graph

CHANGEABLE: Final = frozenset({"root", "retention_runs", "auto_pipeline"})
RETENTION_MIN: Final = 2
RETENTION_MAX: Final = 200


class RootTaken(Duplicate):
    """Another graph lies in this folder."""

    code = "signals.root_taken"


class GraphNameTaken(Duplicate):
    """The organization has another graph of this name."""

    code = "signals.graph_name_taken"


@transaction.atomic
def update_graph(*, actor: Actor, graph: Graph, **changes: Any) -> Graph:
    """Change root, retention_runs or auto_pipeline of a graph; raises Invalid, RootTaken."""
    require(actor, "signals.configure")
    unknown = changes.keys() - CHANGEABLE
    if unknown:
        raise Invalid(errors=[FieldError(f"{sorted(unknown)[0]} cannot be changed.", code="unknown_field")])
    check_changes(changes)
    changed = {name: value for name, value in changes.items() if getattr(graph, name) != value}
    if not changed:
        return graph
    for name, value in changed.items():
        setattr(graph, name, value)
    try:
        with transaction.atomic():
            graph.save(update_fields=[*changed, "updated_at"])
    except IntegrityError as error:
        raise RootTaken from error
    record_audit(actor=actor, verb="signals.graph_changed", target=graph, changes=changed)
    return graph


@transaction.atomic
def claim_graph(*, actor: Actor, root: str) -> Graph:
    """Give a folder of runs that belongs to nobody to the actor's organization, with its runs.

    Raises NotFound if there is no such folder, GraphNameTaken.
    """
    require(actor, "signals.configure")
    folder = next((each for each in unclaimed_graphs() if each.root == root), None)
    if folder is None:
        raise NotFound("There is no unclaimed folder of runs there.")
    graph = claim_folder(folder, actor.organization)
    if graph is None or graph.organization_id != actor.organization.pk:
        raise GraphNameTaken
    register_runs(graph, folder)
    record_audit(actor=actor, verb="signals.graph_changed", target=graph, changes={"claimed": root})
    return graph


def unclaimed_roots() -> list[str]:
    """Return the folders of runs that belong to nobody, relative to RUNS_ROOT."""
    return [folder.root for folder in unclaimed_graphs()]


def check_changes(changes: dict[str, Any]) -> None:
    """Raise Invalid for a root that is no graph's place, and for a number of runs that is out of range."""
    if "root" in changes and not is_root(changes["root"]):
        wrong = FieldError(f"Write a folder, or {CONTAINER}/ and a folder.", pointer="/root")
        raise Invalid(errors=[wrong])
    kept = changes.get("retention_runs", RETENTION_MIN)
    if not RETENTION_MIN <= kept <= RETENTION_MAX:
        detail = f"Keep {RETENTION_MIN} to {RETENTION_MAX} runs."
        raise Invalid(errors=[FieldError(detail, pointer="/retention_runs")])


def is_root(root: str) -> bool:
    """Tell whether a text names a folder directly below RUNS_ROOT, or in its container."""
    *parents, name = root.split("/")
    return parents in ([], [CONTAINER]) and is_node_id(name)
