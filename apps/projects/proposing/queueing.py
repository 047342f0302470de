"""Proposals come to be: asked for by a person, or as the child of one that went stale."""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.db import IntegrityError, transaction

from apps.common.errors import Conflict
from apps.projects.errors import NotLinked
from apps.projects.git.layout import published_repository
from apps.projects.models import Manifest, Mirror, Project, Proposal
from apps.projects.proposing.analysing import run_rename
from apps.projects.proposing.sources import Listed
from apps.projects.states import ManifestState

CHILDREN_MAX: Final = 3
LINEAGE: Final = dt.timedelta(days=14)


class ChildExists(Conflict):
    """The proposal was followed by another one already; `child_id` says which."""

    code = "projects.proposal_followed"


def published_manifest(project: Project) -> Manifest:
    """Return the manifest that readers see; raises NotLinked where nothing is published."""
    mirror = Mirror.objects.filter(project=project).first()
    if mirror is None:
        raise NotLinked
    published_repository(mirror)
    rows = Manifest.objects.filter(project=project, state=ManifestState.CURRENT)
    current: Manifest | None = rows.first()
    if current is None or not current.commit:
        raise NotLinked("Nothing is published of the repository yet.")
    return current


def queue_proposal(
    project: Project, manifest: Manifest, *, initiates: Mapping[str, Any], **columns: Any
) -> Proposal:
    """Queue the analysis of a rename on a manifest's commit; `initiates` says who asks."""
    proposal: Proposal = Proposal.objects.create(
        organization_id=project.organization_id,
        project=project,
        manifest=manifest,
        base_ref=manifest.ref,
        base_commit=manifest.commit,
        **initiates,
        **run_rename.columns(),
        **columns,
    )
    run_rename.enqueue(proposal.pk)
    return proposal


def queue_child(
    parent: Proposal, manifest: Manifest, files: Mapping[str, str], *, initiates: Mapping[str, Any]
) -> Proposal:
    """Queue the same rename on another manifest, whose `files` are {path: blob}; raises ChildExists."""
    try:
        with transaction.atomic():
            return queue_proposal(
                parent.project,
                manifest,
                initiates=initiates,
                kind=parent.kind,
                mode=parent.mode,
                new_name=parent.new_name,
                request={**parent.request, "symbol": _symbol_in(parent, files)},
                parent=parent,
                lineage_depth=parent.lineage_depth + 1,
            )
    except IntegrityError as error:
        # Two may follow the same publication at once: a parent has one child.
        child = Proposal.objects.filter(parent=parent).first()
        if child is None:
            raise
        raise ChildExists(extra={"child_id": str(child.pk)}) from error


def _symbol_in(parent: Proposal, files: Mapping[str, str]) -> dict[str, Any]:
    """Return by what the child finds the symbol: its place while the file is the same, else its name."""
    asked: dict[str, Any] = parent.request["symbol"]
    found: Mapping[str, Any] = parent.symbol
    if not found.get("qualified_name") or "path" not in asked:
        return asked
    path = asked["path"]
    if path in parent.scanned and files.get(path) == parent.scanned[path]:
        return asked
    return {"qualified_name": found["qualified_name"]}


def may_follow(proposal: Proposal, now: dt.datetime) -> bool:
    """Tell whether another child is queued by itself: so many in a lineage, and so long after its first."""
    return proposal.lineage_depth < CHILDREN_MAX and now - _began_at(proposal) < LINEAGE


def _began_at(proposal: Proposal) -> dt.datetime:
    first = proposal
    while first.parent is not None:
        first = first.parent
    return first.created_at


def initiator_columns(proposal: Proposal) -> dict[str, Any]:
    """Return who asked for a proposal, as columns of the next one."""
    return {"created_by": proposal.created_by, "initiator_key_id": proposal.initiator_key_id}


def in_files(files: Iterable[Listed]) -> dict[str, str]:
    """Return listed files as {path: blob}."""
    return {file.path: file.blob for file in files}
