"""Patch and checks of what is chosen now: what an application would write, byte for byte."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from apps.projects.errors import GitFailed
from apps.projects.git.layout import published_repository
from apps.projects.git.objects import open_objects
from apps.projects.git.trees import iter_tree
from apps.projects.models import Proposal, ProposalFile
from apps.projects.proposing.patching import FileChange, Patch, make_patch
from apps.projects.proposing.selecting import check_choice, chosen_edits
from apps.projects.proposing.sources import SOURCES_MAX_BYTES
from apps.projects.renaming.values import Check, Edit
from apps.projects.renaming.writing import apply_edits


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
    """Return the preview of a proposal as its rows stand; raises GitFailed, NotLinked."""
    rows = list(proposal.files.order_by("ordinal"))
    patch = patch_of(proposal, rows, chosen_edits(rows))
    return Preview(proposal.version, patch, tuple(check_choice(proposal, rows)))


def patch_of(
    proposal: Proposal, rows: Sequence[ProposalFile], chosen: Mapping[bytes, Sequence[Edit]]
) -> Patch:
    """Return the patch of chosen edits by path; raises GitFailed where the base is not as it was analysed."""
    repository = published_repository(proposal.project.mirror)
    picked = [row for row in rows if bytes(row.path) in chosen]
    modes = _modes(repository, proposal.base_commit, {bytes(row.path): row.blob for row in picked})
    with open_objects(repository) as objects:
        changes = []
        for row in picked:
            path = bytes(row.path)
            content = objects.contents(row.blob, max_bytes=SOURCES_MAX_BYTES)
            if content is None:
                raise GitFailed("A file of the proposal is missing.")
            edited = apply_edits(content, chosen[path], row.encoding)
            changes.append(FileChange(path, modes[path], edited, bytes(row.new_path)))
    return make_patch(repository, proposal.base_commit, changes)


def _modes(repository: Path, commit: str, blobs: Mapping[bytes, str]) -> dict[bytes, str]:
    """Return the modes of files in a commit; raises GitFailed unless each is there with the blob named."""
    entries = iter_tree(repository, commit, is_recursive=True, has_trees=False)
    modes = {entry.path: entry.mode for entry in entries if blobs.get(entry.path) == entry.oid}
    if len(modes) < len(blobs):
        raise GitFailed("A file of the proposal is not as it was in the base.")
    return modes
