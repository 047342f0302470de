"""Patch and checks of what is chosen now: what an application would write, byte for byte."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec
from django.conf import settings

from apps.projects.errors import GitFailed
from apps.projects.git.layout import published_repository
from apps.projects.git.objects import open_objects
from apps.projects.git.trees import iter_tree
from apps.projects.models import Proposal, ProposalFile
from apps.projects.proposing.patching import FileChange, Patch, make_patch
from apps.projects.proposing.recording import file_edits_of
from apps.projects.proposing.sources import SOURCES_MAX_BYTES, collect_sources, listed_files, main_language
from apps.projects.proposing.wishing import wish_of
from apps.projects.renaming.checking import check_selection
from apps.projects.renaming.values import Check, Choice, FileEdits, FoundSymbol, Sources
from apps.projects.renaming.writing import apply_edits
from apps.projects.states import Completeness, Decision

# Somebody waits for a preview.
CHECK_WALL_S: Final = 60
NAMES_SHOWN: Final = 10
EMPTY: Final = "Nothing is approved yet: choose at least one edit."
REFUSED: Final = "The analysis found that this rename breaks code."


@dataclass(frozen=True, slots=True)
class Preview:
    """The patch of the choice as of `version` of the proposal, and what was checked of it."""

    version: int
    patch: Patch
    checks: tuple[Check, ...]

    @property
    def is_blocking(self) -> bool:
        """Tell whether the choice cannot be applied."""
        return not all(check.ok for check in self.checks)


def preview_of(proposal: Proposal) -> Preview:
    """Return the preview of a proposal as its rows stand.

    Raises GitFailed, NotLinked, EngineTimeout, EngineFailed, RenameConflict.
    """
    choices = choices_of(proposal.files.order_by("ordinal"))
    sources = sources_of(proposal)
    files, taken = with_free_moves(proposal, approved_edits(choices))
    patch = patch_of(proposal, files, sources)
    checks = check_selection(
        wish_of(proposal),
        msgspec.convert(proposal.symbol, FoundSymbol),
        choices,
        sources,
        timeout_s=min(settings.PROJECTS_RENAME_TIMEOUT_S, CHECK_WALL_S),
        memory_bytes=settings.PROJECTS_RENAME_MEMORY_BYTES,
    )
    return Preview(proposal.version, patch, (*_plain_checks(proposal, patch, taken), *checks))


def sources_of(proposal: Proposal) -> Sources:
    """Return the sources in which a proposal was found."""
    files = listed_files(proposal.manifest)
    language = main_language(proposal.mode, proposal.symbol["path"], files)
    repository = published_repository(proposal.project.mirror)
    return collect_sources(repository, files, language=language, name=proposal.symbol["name"]).sources


def choices_of(rows: Iterable[ProposalFile]) -> list[Choice]:
    """Return what people decided of each file."""
    return [Choice(file_edits_of(row), Decision(row.decision)) for row in rows]


def approved_edits(choices: Sequence[Choice]) -> list[FileEdits]:
    """Return the approved files with their ticked edits alone, without files that stay as they are."""
    approved = (choice.file for choice in choices if choice.decision == Decision.APPROVED)
    files = (only_ticked(file) for file in approved)
    return [file for file in files if file.edits or file.new_path]


def only_ticked(file: FileEdits) -> FileEdits:
    """Return a file without the edits that are not ticked."""
    return replace(file, edits=tuple(edit for edit in file.edits if edit.selected))


def with_free_moves(proposal: Proposal, files: Sequence[FileEdits]) -> tuple[list[FileEdits], list[bytes]]:
    """Return files without moves that would overwrite another file, and the paths that are taken."""
    leaving = {file.path for file in files if file.new_path}
    wanted = {file.new_path for file in files if file.new_path}
    if not wanted:
        return list(files), []
    repository = published_repository(proposal.project.mirror)
    entries = iter_tree(repository, proposal.base_commit, is_recursive=True)
    taken = {entry.path for entry in entries if entry.path in wanted} - leaving
    kept = [replace(file, new_path=b"") if file.new_path in taken else file for file in files]
    return kept, sorted(taken)


def patch_of(proposal: Proposal, files: Sequence[FileEdits], sources: Sources) -> Patch:
    """Return the patch of some files' edits; raises GitFailed, RenameConflict where the base differs."""
    known = {source.path: source for source in sources}
    changes = []
    for file in files:
        source = known.get(file.path)
        if source is None or source.blob != file.blob:
            raise GitFailed("A file of the proposal is not there as it was.")
        content = apply_edits(source.content, file.edits, file.encoding)
        changes.append(FileChange(file.path, source.mode, content, file.new_path))
    return make_patch(published_repository(proposal.project.mirror), proposal.base_commit, changes)


def file_diff(row: ProposalFile) -> bytes:
    """Return the diff of one file with its ticked edits, whatever was decided of it; raises GitFailed."""
    proposal = row.proposal
    repository = published_repository(proposal.project.mirror)
    path, file = bytes(row.path), only_ticked(file_edits_of(row))
    folder = path.rpartition(b"/")[0]
    modes = {entry.path: entry.mode for entry in iter_tree(repository, proposal.base_commit, path=folder)}
    with open_objects(repository) as objects:
        content = objects.contents(row.blob, max_bytes=SOURCES_MAX_BYTES)
    if content is None or path not in modes:
        raise GitFailed("A file of the proposal is not there as it was.")
    edited = apply_edits(content, file.edits, file.encoding)
    return make_patch(
        repository, proposal.base_commit, [FileChange(path, modes[path], edited, file.new_path)]
    ).content


def _plain_checks(proposal: Proposal, patch: Patch, taken: Sequence[bytes]) -> Iterator[Check]:
    """Yield the checks that need no look at the code."""
    is_refused = proposal.outcome == Completeness.REFUSED
    yield Check("not_refused", not is_refused, REFUSED if is_refused else "")
    yield Check("not_empty", bool(patch.content), "" if patch.content else EMPTY)
    yield Check("paths_free", not taken, b", ".join(taken[:NAMES_SHOWN]).decode("utf-8", "replace"))
