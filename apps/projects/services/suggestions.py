"""A suggestion of a code job becomes the proposal of a rename."""

import uuid
from typing import Any

from apps.accounts.permissions import Actor
from apps.common.db import JobStatus
from apps.common.errors import FieldError, Invalid
from apps.projects.documenting.results import Suggestion
from apps.projects.documenting.storing import load_result
from apps.projects.git.layout import published_repository
from apps.projects.git.objects import open_objects
from apps.projects.models import CodeJob, Project, Proposal
from apps.projects.proposing.queueing import published_manifest
from apps.projects.proposing.sources import SOURCES_MAX_BYTES, listed_files
from apps.projects.proposing.wishing import first_place
from apps.projects.services.proposals import propose_rename


def propose_suggestion(
    *, actor: Actor, project: Project, job_id: uuid.UUID, index: int, **wish: Any
) -> Proposal:
    """Propose what a code job of the project suggested, under the suggested name unless another is wished.

    Raises Invalid for a suggestion that is not there, and all that `propose_rename` raises.
    """
    suggestion = _suggestion(project, job_id, index)
    wish.setdefault("new_name", suggestion.proposed)
    symbol = _place_of(project, suggestion) or {"qualified_name": suggestion.symbol}
    return propose_rename(actor=actor, project=project, symbol=symbol, **wish)


def _suggestion(project: Project, job_id: uuid.UUID, index: int) -> Suggestion:
    job = CodeJob.objects.filter(project=project, pk=job_id, status=JobStatus.SUCCEEDED).first()
    result = load_result(job) if job is not None else None
    found = result.suggestions if result is not None else ()
    if index >= len(found):
        detail = "The project has no such suggestion."
        raise Invalid(errors=[FieldError(detail, pointer="/suggestion")])
    return found[index]


def _place_of(project: Project, suggestion: Suggestion) -> dict[str, Any] | None:
    """Return where the suggested name stands, None if its file has changed since."""
    anchor = suggestion.anchor
    files = listed_files(published_manifest(project))
    file = next((each for each in files if each.path == anchor.path), None)
    if file is None or file.blob != anchor.blob_id:
        return None
    with open_objects(published_repository(project.mirror)) as objects:
        content = objects.contents(file.blob, max_bytes=SOURCES_MAX_BYTES) or b""
    lines = range(anchor.line_start, anchor.line_end + 1)
    place = first_place(content, suggestion.current, lines)
    return {"path": file.path, "line": place[0], "column": place[1]} if place else None
