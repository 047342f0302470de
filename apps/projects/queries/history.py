"""Commits of a project, and what differs between two."""

from dataclasses import dataclass
from pathlib import Path

from apps.common.errors import NotFound
from apps.projects.git.layout import published_repository
from apps.projects.models import Project
from apps.projects.reading.changes import ChangedFile, empty_tree_like, list_changes
from apps.projects.reading.compare import Comparison, compare_commits
from apps.projects.reading.history import Commit, list_commits, read_commit
from apps.projects.reading.refs import COMMIT_ID, published_mirror, resolve
from apps.projects.reading.widening import widened

CHANGES_MAX = 1_000


@dataclass(frozen=True, slots=True)
class CommitDetail(Commit):
    """A commit with the files that it changed against its first parent; more if `is_truncated`."""

    files: tuple[ChangedFile, ...] = ()
    is_truncated: bool = False


def commits_page(project: Project, start: str, *, path: bytes, skip: int, limit: int) -> list[Commit]:
    """Return at most `limit` commits from `start` back, past the first `skip`; none without a commit."""
    if not start:
        return []
    return list_commits(_repository(project), start, path=path, skip=skip, limit=limit)


def find_commit(project: Project, sha: str) -> Commit:
    """Return a commit by its full id; raises NotFound, NotLinked."""
    if not COMMIT_ID.fullmatch(sha):
        raise NotFound
    return read_commit(_repository(project), resolve(project, sha).commit)


def commit_detail(project: Project, sha: str) -> CommitDetail:
    """Return a commit with its files and their counts; raises NotFound, NotLinked."""
    commit = find_commit(project, sha)
    changes = list_changes(_repository(project), base_of(commit), commit.id, has_counts=True)
    shown = tuple(changes[:CHANGES_MAX])
    return widened(CommitDetail, commit, files=shown, is_truncated=len(changes) > CHANGES_MAX)


def commit_diff(project: Project, commit: Commit) -> Comparison:
    """Return what a commit changed against its first parent, line by line."""
    return compare_commits(_repository(project), base_of(commit), commit.id)


def compare_refs(project: Project, base: str, head: str, *, path: bytes = b"") -> Comparison:
    """Return what differs from one ref to another, below a path; raises NotFound, NotLinked."""
    commits = [resolve(project, ref).commit for ref in (base, head)]
    if not all(commits):
        raise NotFound
    return compare_commits(_repository(project), commits[0], commits[1], path=path)


def base_of(commit: Commit) -> str:
    """Return what a commit is compared with: its first parent, for a first commit nothing."""
    return commit.parents[0] if commit.parents else empty_tree_like(commit.id)


def _repository(project: Project) -> Path:
    return published_repository(published_mirror(project))
