"""What programs and models reach of previews over MCP: what there is, never what opens it."""

import uuid
from typing import Annotated, Any, Final

import msgspec
from django.utils import timezone

from apps.accounts.permissions import Actor
from apps.common.tools import Arguments, CursorText, Instant, NextCursor, PageSize, Result, Tool, newest_first
from apps.previews.models import Session
from apps.previews.states import Access, Platform, SessionStatus, UploadStep


class PreviewsWanted(Arguments):
    """Which previews to list."""

    project_id: Annotated[uuid.UUID | None, msgspec.Meta(description="Only those of this project.")] = None
    status: SessionStatus | None = None
    platform: Platform | None = None
    page_size: PageSize = 50
    cursor: CursorText = ""


class PreviewFacts(Result):
    """A preview: where it stands, how long it lives, who opened it."""

    id: uuid.UUID
    project_id: uuid.UUID
    label: str
    platform: Platform
    access: Access
    status: SessionStatus
    next_status: UploadStep | None
    revision: int
    max_devices: int
    devices_bound: int
    created_at: Instant
    expires_at: Instant
    first_opened_at: Instant | None


class PreviewPage(Result):
    """One page of previews, the newest first."""

    previews: list[PreviewFacts]
    next_cursor: NextCursor


def list_previews(actor: Actor, wanted: PreviewsWanted) -> PreviewPage:
    """Return one page of the previews of projects that the actor sees."""
    asked = {"project": wanted.project_id, "status": wanted.status, "platform": wanted.platform}
    rows = Session.objects.visible_to(actor).filter(
        **{name: value for name, value in asked.items() if value is not None}
    )
    page, next_cursor = newest_first(rows, cursor=wanted.cursor, page_size=wanted.page_size)
    now = timezone.now()
    return PreviewPage(
        previews=[_facts_of(row, SessionStatus(row.status_at(now))) for row in page], next_cursor=next_cursor
    )


def _facts_of(row: Session, status: SessionStatus) -> PreviewFacts:
    assert row.project_id is not None  # noqa: S101 - a session without a project is nobody's to see
    return PreviewFacts(
        id=row.pk,
        project_id=row.project_id,
        label=row.label,
        platform=Platform(row.platform),
        access=Access(row.access),
        status=status,
        next_status=row.upload_step if status == SessionStatus.READY else None,
        revision=row.revision,
        max_devices=row.max_devices,
        devices_bound=row.uses,
        created_at=row.created_at,
        expires_at=row.expires_at,
        first_opened_at=row.first_opened_at,
    )


TOOLS: Final[tuple[Tool[Any], ...]] = (
    Tool(
        name="previews_list",
        title="Previews",
        description="List the previews of the projects you see, the newest first: status, time left, devices."
        " Tokens and links are never told.",
        permission="previews.view",
        arguments=PreviewsWanted,
        result=PreviewPage,
        call=list_previews,
    ),
)
