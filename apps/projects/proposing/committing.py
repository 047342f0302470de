"""The one commit of a proposal, out of its stored patch, and the ref that keeps it.

Everything of the commit is fixed at the approval: base, tree, message, author, times. So whoever makes it
again, after a kill or a corruption, makes the same one.
"""

import datetime as dt
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from apps.projects.errors import GitFailed
from apps.projects.git.processes import run_git
from apps.projects.proposing.patching import open_workbench

APPLIED: Final = "refs/sextant/applied/"
COMMITTER: Final = ("Sextant", "sextant@localhost")
# What git itself takes off names and addresses.
UNWANTED: Final = str.maketrans("", "", "<>\n\0")


@dataclass(frozen=True, slots=True)
class Author:
    """Who approved; `line` is how the row keeps it: `Name <address>`."""

    name: str
    email: str

    @property
    def line(self) -> str:
        """Return name and address as one text."""
        return f"{self.name} <{self.email}>"

    @classmethod
    def of(cls, name: str, email: str) -> "Author":
        """Return an author that git takes as it is; who has no name is called by their address."""
        address = email.translate(UNWANTED).strip()
        called = name.translate(UNWANTED).strip(" .,:;\"'\\")
        return cls(called or address.partition("@")[0] or "unknown", address)

    @classmethod
    def parse(cls, line: str) -> "Author":
        """Return the author of a line."""
        name, _, email = line.removesuffix(">").rpartition(" <")
        return cls(name, email)


@dataclass(frozen=True, slots=True)
class PlannedCommit:
    """All that a commit is made of; `patch` leads from the base to the tree."""

    proposal_id: uuid.UUID
    base_commit: str
    tree_id: str
    patch: bytes
    author: Author
    approved_at: dt.datetime
    message: str

    @property
    def ref(self) -> str:
        """Return the ref that keeps the commit."""
        return f"{APPLIED}{self.proposal_id}"


def find_applied(repository: Path, planned: PlannedCommit) -> str:
    """Return the commit of the plan's ref, empty if there is no such ref.

    Raises GitFailed if the ref leads to something else than what was planned.
    """
    listed = run_git(repository, "for-each-ref", "--format=%(objectname) %(tree) %(parent)", planned.ref)
    if not listed.strip():
        return ""
    commit, tree, *parents = listed.decode().split()
    if tree != planned.tree_id or parents != [planned.base_commit]:
        raise GitFailed("The ref of the proposal leads to another commit.")
    return commit


def write_commit(repository: Path, planned: PlannedCommit) -> str:
    """Write blobs, trees and the commit of a plan, and return its id; no ref leads to it yet.

    Raises GitFailed, also where the patch leads to another tree than the one that was previewed.
    """
    with open_workbench(repository, writes=True) as bench:
        bench.git("read-tree", planned.base_commit)
        bench.git("apply", "--cached", "--whitespace=nowarn", "-", stdin=planned.patch)
        tree_id = bench.git("write-tree").decode().strip()
    if tree_id != planned.tree_id:
        raise GitFailed("The patch leads to another tree than the preview.")
    arguments = ("commit-tree", tree_id, "-p", planned.base_commit, "-F", "-")
    message = f"{planned.message.strip()}\n".encode()
    return run_git(repository, *arguments, stdin=message, extra=_identity(planned)).decode().strip()


def _identity(planned: PlannedCommit) -> dict[str, str]:
    at = f"{int(planned.approved_at.timestamp())} +0000"
    name, email = COMMITTER
    return {
        "GIT_AUTHOR_NAME": planned.author.name,
        "GIT_AUTHOR_EMAIL": planned.author.email,
        "GIT_AUTHOR_DATE": at,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": email,
        "GIT_COMMITTER_DATE": at,
    }


def create_ref(repository: Path, planned: PlannedCommit, commit: str) -> str:
    """Let the plan's ref lead to a commit, unless it exists; return the commit to which it leads.

    Whoever comes second, say a worker that was paused, adopts what the first one made. Raises GitFailed.
    """
    zero = "0" * len(commit)
    try:
        run_git(repository, "update-ref", planned.ref, commit, zero)
    except GitFailed:
        found = find_applied(repository, planned)
        if not found:
            raise
        return found
    return commit
