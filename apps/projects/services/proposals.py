"""Renames that people propose, propose again, and reject."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypedDict

from django.db import transaction

from apps.accounts.permissions import Actor
from apps.accounts.services import record_audit
from apps.common.errors import FieldError
from apps.projects.git.layout import published_repository
from apps.projects.git.objects import open_objects
from apps.projects.models import Project, Proposal
from apps.projects.proposing.locating import LOCATED_MAX_BYTES, locate_symbol
from apps.projects.proposing.moving import move_proposal, refuse_act
from apps.projects.proposing.queueing import in_files, published_manifest, queue_child, queue_proposal
from apps.projects.proposing.sources import PYTHON, SOURCES_MAX_BYTES, Listed, collect_sources, listed_files
from apps.projects.proposing.wishing import wish_of, word_at
from apps.projects.renaming.errors import LanguageNotSupported, NewNameInvalid, SymbolNotFound
from apps.projects.renaming.naming import vetted_name
from apps.projects.renaming.syntactic import language_family
from apps.projects.rights import Right, require_right
from apps.projects.states import ProposalState, RenameKind, RenameMode

NAME_CHARS: Final = 255
REPROPOSABLE: Final = frozenset(
    {ProposalState.STALE, ProposalState.REJECTED, ProposalState.FAILED, ProposalState.CANCELLED}
)


class Options(TypedDict):
    """Where else occurrences are looked for; such are never certain."""

    strings: bool
    comments: bool
    docs: bool


def propose_rename(
    *,
    actor: Actor,
    project: Project,
    symbol: Mapping[str, Any],
    new_name: str,
    kind: str = RenameKind.SYMBOL,
    mode: str = RenameMode.SEMANTIC,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    options: Options | None = None,
) -> Proposal:
    """Queue the analysis of a rename on the published head.

    `symbol` is {path, line, column} or {qualified_name}. Raises NotLinked, NewNameInvalid, SymbolNotFound,
    LanguageNotSupported.
    """
    require_right(actor, project, Right.EDIT, "projects.run")
    name = vetted_name(new_name)
    if len(name) > NAME_CHARS:
        # A few letters are written as many once they are taken apart.
        raise NewNameInvalid
    request = {
        "symbol": dict(symbol),
        "include": list(include),
        "exclude": list(exclude),
        "options": options or Options(strings=False, comments=False, docs=False),
    }
    wanted = {"kind": kind, "mode": mode, "new_name": name, "request": request}
    manifest = published_manifest(project)
    _check_symbol(Proposal(project=project, manifest=manifest, **wanted))
    with transaction.atomic():
        return queue_proposal(project, manifest, initiates=actor.initiates(), **wanted)


def _check_symbol(wish: Proposal) -> None:
    """Raise at once what can be seen without an analysis; the rest ends its job."""
    files = listed_files(wish.manifest)
    symbol = wish.request["symbol"]
    if "path" in symbol:
        _check_place(wish, files)
    elif wish.mode == RenameMode.SYNTACTIC:
        raise _not_found("Equal identifiers are found from a place in a file.")
    if wish.mode == RenameMode.SEMANTIC:
        _locate(wish, [file for file in files if file.language == PYTHON])


def _locate(wish: Proposal, files: Sequence[Listed]) -> None:
    """Look for the symbol now, unless that would take too long: then the analysis says so."""
    if sum(file.size_bytes for file in files) > LOCATED_MAX_BYTES:
        return
    repository = published_repository(wish.project.mirror)
    locate_symbol(wish_of(wish), collect_sources(repository, files, language=PYTHON, name="").sources)


def _check_place(wish: Proposal, files: Sequence[Listed]) -> None:
    symbol = wish.request["symbol"]
    file = next((each for each in files if each.path == symbol["path"]), None)
    if file is None:
        raise _not_found("There is no such text file in the published state.")
    if wish.mode == RenameMode.SYNTACTIC:
        language_family(file.language)
    elif file.language != PYTHON:
        raise LanguageNotSupported
    has_name = wish.kind == RenameKind.MODULE or word_at(
        _content(wish.project, file), symbol["line"], symbol["column"]
    )
    if not has_name:
        raise _not_found("There is no name at this place.")


def _content(project: Project, file: Listed) -> bytes:
    with open_objects(published_repository(project.mirror)) as objects:
        return objects.contents(file.blob, max_bytes=SOURCES_MAX_BYTES) or b""


def _not_found(detail: str) -> SymbolNotFound:
    return SymbolNotFound(detail, errors=[FieldError(detail, pointer="/symbol")])


@transaction.atomic
def repropose(*, actor: Actor, proposal: Proposal) -> Proposal:
    """Queue a proposal that has ended unapplied once more, on what is published now, as its child.

    Decisions of files that have stayed as they were are kept. Raises NotLinked, ChildExists, Conflict.
    """
    require_right(actor, proposal.project, Right.EDIT, "projects.run")
    if proposal.state not in REPROPOSABLE:
        refuse_act(proposal)
    manifest = published_manifest(proposal.project)
    return queue_child(proposal, manifest, in_files(listed_files(manifest)), initiates=actor.initiates())


@transaction.atomic
def reject_proposal(*, actor: Actor, proposal: Proposal) -> Proposal:
    """End a proposal without applying it; raises Conflict unless it waits for a decision."""
    require_right(actor, proposal.project, Right.EDIT, "projects.run")
    # Somebody may approve it at this moment: the row count of the move says who was first.
    if not move_proposal(proposal.pk, ProposalState.PROPOSED, ProposalState.REJECTED):
        proposal.refresh_from_db()
        refuse_act(proposal)
    proposal.refresh_from_db()
    record_audit(actor=actor, verb="projects.proposal_rejected", target=proposal)
    return proposal
