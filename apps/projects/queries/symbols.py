"""Reads of symbols."""

import hashlib
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Lower

from apps.projects.models import File, Project, Symbol


def listed_symbols(project: Project, *, path: str = "") -> QuerySet[Symbol, Any]:
    """Return the symbols of published files, with `path` and `sort_name`; below `path` if it is given.

    A blob that has several names is shown under the first of them.
    """
    files = File.objects.filter(
        organization=project.organization_id, project=project, blob=OuterRef("blob"), is_excluded=False
    )
    if path:
        files = files.filter(_below(path.encode()))
    symbols: QuerySet[Symbol, Any] = Symbol.objects.filter(
        organization=project.organization_id, project=project
    )
    first = files.order_by("path_hash").values("path")[:1]
    return symbols.filter(Exists(files)).annotate(sort_name=Lower("name"), path=Subquery(first))


def called(symbols: QuerySet[Any, Any], search: str) -> QuerySet[Any, Any]:
    """Narrow to the symbols whose name begins like this; with a dot in it, whose qualified name holds it."""
    if "." in search:
        return symbols.filter(qualified_name__icontains=search)
    return symbols.filter(sort_name__startswith=search.lower())


def _below(path: bytes) -> Q:
    """Return the condition of one file, or of all files of a folder."""
    # The byte after the slash ends the range of what begins with the folder.
    inside = Q(path__gte=path + b"/", path__lt=path + b"0")
    return inside | Q(path_hash=hashlib.sha256(path).digest())
