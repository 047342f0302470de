"""From a ref as people write it to a commit of the published repository."""

import re
import uuid
from dataclasses import dataclass
from typing import Final

from apps.common.errors import NotFound
from apps.projects.errors import NotLinked
from apps.projects.git.layout import published_repository, require_published
from apps.projects.git.readers import borrow_objects
from apps.projects.models import ArchivedTip, Mirror, Project, Proposal, Ref

REF_MAX_CHARS: Final = 1_024
COMMIT_ID: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
ARCHIVED: Final = re.compile(r"archived/([1-9][0-9]{0,8})")
APPLIED: Final = re.compile(r"applied/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


@dataclass(frozen=True, slots=True)
class Resolved:
    """A commit (full id) and what named it: `heads/main`, `tags/v1`, `archived/3`, `applied/<id>`, an id.

    Both are empty where the default was asked for and the published state has no tracked commit.
    """

    commit: str
    name: str


def published_mirror(project: Project) -> Mirror:
    """Return the mirror whose repository is read; at most one query; raises NotLinked."""
    mirror: Mirror | None = getattr(project, "mirror", None)
    if mirror is None:
        raise NotLinked
    require_published(mirror)
    return mirror


def resolve(project: Project, text: str = "") -> Resolved:
    """Return the commit of a branch, tag, archived tip, applied proposal or full commit id.

    `heads/x` and `tags/x` say which; plain, the branch goes first. Empty is the published head. Issues one
    query for a name, one more where it looks like `archived/...` or `applied/...`; starts git for an id only.
    Raises NotFound, and NotLinked where nothing was ever published.
    """
    mirror = published_mirror(project)
    if not text:
        return Resolved(mirror.head_commit, mirror.head_ref)
    if len(text) > REF_MAX_CHARS or "\0" in text:
        raise NotFound
    found = _special(project, text) or _by_id(mirror, text) or _by_name(project, text)
    if found is None:
        raise NotFound
    return found


def _special(project: Project, text: str) -> Resolved | None:
    """Return an archived tip or an applied proposal."""
    rows = None
    if archived := ARCHIVED.fullmatch(text):
        tips = ArchivedTip.objects.filter(project=project, number=int(archived[1]))
        rows = tips.values_list("commit", flat=True)
    elif applied := APPLIED.fullmatch(text):
        proposals = Proposal.objects.filter(project=project, pk=uuid.UUID(applied[1]))
        rows = proposals.exclude(applied_commit="").values_list("applied_commit", flat=True)
    commit = rows.first() if rows is not None else None
    return Resolved(commit, text) if commit else None


def _by_id(mirror: Mirror, text: str) -> Resolved | None:
    if not COMMIT_ID.fullmatch(text):
        return None
    if text == mirror.head_commit or _is_commit(mirror, text):
        return Resolved(text, text)
    return None


def _is_commit(mirror: Mirror, oid: str) -> bool:
    with borrow_objects(published_repository(mirror)) as objects:
        header = objects.header(oid)
    return header is not None and header.type == "commit"


def _by_name(project: Project, text: str) -> Resolved | None:
    names = [f"heads/{text}", f"tags/{text}"]
    if text.startswith(("heads/", "tags/")):
        names.insert(0, text)
    rows = Ref.objects.filter(organization_id=project.organization_id, project=project, name__in=names)
    commits = dict(rows.values_list("name", "commit"))
    name = next((each for each in names if each in commits), None)
    return Resolved(commits[name], name) if name is not None else None
