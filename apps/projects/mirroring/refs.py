"""Refs of a snapshot: read from a repository, named, compared, digested; which of them is tracked.

A name is what follows `refs/` at the remote: `heads/main`, `tags/v1`. What is no UTF-8 in it is
percent-escaped.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from apps.projects.git.objects import open_objects
from apps.projects.git.processes import run_git
from apps.projects.mirroring.errors import BranchMissing

NAME_MAX_CHARS: Final = 1_024
SURROGATE: Final = re.compile("[\udc80-\udcff]")
FORMAT: Final = "%(refname)%00%(objectname)%00%(objecttype)%00%(*objectname)%00%(*objecttype)"
CHANGES_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class RefTarget:
    """What a ref names, and what that leads to in the end: the same but for annotated tags."""

    target: str
    commit: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The branches and tags of a remote at one time."""

    number: int
    default_branch: str
    refs: Mapping[str, RefTarget] = field(default_factory=dict)

    @property
    def digest(self) -> bytes:
        """Return what two equal lists have in common."""
        return digest_of(self.default_branch, {name: ref.target for name, ref in self.refs.items()})


@dataclass(frozen=True, slots=True)
class RefChange:
    """A ref that is new, gone or elsewhere; `old` and `new` are commits, empty where there is none."""

    ref: str
    old: str
    new: str
    forced: bool = False


def name_of(raw: bytes) -> str:
    """Return a ref's name as text."""
    text = raw.decode("utf-8", "surrogateescape")
    return SURROGATE.sub(lambda found: f"%{ord(found[0]) - 0xDC00:02X}", text)


def digest_of(default_branch: str, targets: Mapping[str, str]) -> bytes:
    """Return the SHA-256 over HEAD's branch and all refs with the ids they name."""
    digest = hashlib.sha256(f"HEAD {default_branch}\n".encode("utf-8", "surrogateescape"))
    for name in sorted(targets):
        digest.update(f"{targets[name]} {name}\n".encode())
    return digest.digest()


def below(number: int) -> str:
    """Return where the refs of a snapshot lie in the repository."""
    return f"refs/snapshots/{number}"


def read_snapshot(repository: Path, number: int, default_branch: str) -> Snapshot:
    """Return a snapshot as it lies in a repository; raises GitFailed."""
    prefix = f"{below(number)}/".encode()
    listed = run_git(repository, "for-each-ref", f"--format={FORMAT}", below(number))
    rows = [line.split(b"\0") for line in listed.splitlines()]
    nested = [row[1].decode() for row in rows if row[4] == b"tag"]
    ends = dict(_ends_of(repository, nested)) if nested else {}
    refs: dict[str, RefTarget] = {}
    for name, target, _type, peeled, _peeled_type in rows:
        oid = target.decode()
        short = name_of(name.removeprefix(prefix))
        if len(short) <= NAME_MAX_CHARS:
            refs.setdefault(short, RefTarget(oid, ends.get(oid) or peeled.decode() or oid))
    return Snapshot(number, default_branch, refs)


def _ends_of(repository: Path, tags: list[str]) -> Iterator[tuple[str, str]]:
    """Yield what tags of tags lead to."""
    with open_objects(repository) as objects:
        for tag in tags:
            end = objects.header(f"{tag}^{{}}")
            if end is not None:
                yield tag, end.oid


def choose_tracked(snapshot: Snapshot, *, wanted: str | None, previous: str, was_published: bool) -> str:
    """Return the name of the tracked ref, empty if there is none; raises BranchMissing.

    `wanted` is what the project says, `previous` the default branch of the last publication. A branch that is
    gone is never silently replaced; an unborn or detached HEAD is fine where there never was a branch.
    """
    if wanted:
        return _wanted_name(snapshot, wanted, was_published=was_published)
    name = f"heads/{snapshot.default_branch or previous}"
    if name in snapshot.refs:
        return name
    if was_published:
        raise BranchMissing(snapshot.default_branch or previous)
    return ""


def _wanted_name(snapshot: Snapshot, wanted: str, *, was_published: bool) -> str:
    short = wanted.removeprefix("refs/")
    names = (short,) if short.startswith(("heads/", "tags/")) else (f"heads/{short}", f"tags/{short}")
    found = next((name for name in names if name in snapshot.refs), "")
    # An empty repository has no branch yet; that is not the same as one that was lost.
    if not found and (snapshot.refs or was_published):
        raise BranchMissing(wanted)
    return found


def compare(old: Mapping[str, RefTarget], new: Mapping[str, RefTarget]) -> list[RefChange]:
    """Return what differs, by name; whether a change was forced only the repository can tell."""
    changes = []
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if before != after:
            changes.append(RefChange(name, before.commit if before else "", after.commit if after else ""))
    return changes


def count_changes(changes: list[RefChange]) -> dict[str, int]:
    """Return how many refs were added, updated, deleted, rewritten."""
    return {
        "added": sum(not change.old for change in changes),
        "updated": sum(bool(change.old and change.new and not change.forced) for change in changes),
        "deleted": sum(not change.new for change in changes),
        "rewritten": sum(change.forced for change in changes),
    }
