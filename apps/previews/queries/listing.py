"""Sessions as lists and pages show them."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models import Exists, Max, OuterRef, Q, QuerySet

from apps.accounts.models import Role
from apps.accounts.permissions import Actor
from apps.previews.models import Session
from apps.previews.states import LIVE, SessionStatus, UploadStep
from apps.projects.models import Project, ProjectMember

EDITOR: Final = "editor"
MANAGERS: Final = frozenset({Role.MANAGER, Role.ADMIN})
TONES: Final = {
    SessionStatus.READY: "good",
    SessionStatus.PENDING: "warn",
    SessionStatus.UPLOADING: "busy",
    SessionStatus.VALIDATING: "busy",
    SessionStatus.FAILED: "bad",
}


@dataclass(frozen=True, slots=True)
class ShownSession:
    """A session as it stands at one instant."""

    row: Session
    status: SessionStatus
    is_live: bool
    tone: str

    @classmethod
    def of(cls, row: Session, now: dt.datetime) -> "ShownSession":
        """Return a session as it stands at `now`."""
        status = SessionStatus(row.status_at(now))
        return cls(row, status, status.is_live, TONES.get(status, ""))


def listed_sessions() -> QuerySet[Session]:
    """Return sessions with all that is shown of them. One query a page."""
    return Session.objects.select_related("project", "created_by", "current_bundle", "organization")


def next_revision(session: Session) -> int:
    """Return the number of the next content of a session, be it a bundle or an address. Issues one query.

    Numbers of refused bundles are not used again.
    """
    rows = Session.objects.filter(pk=session.pk).annotate(newest=Max("bundles__revision"))
    current, newest = rows.values_list("revision", "newest").get()
    return max(current, newest or 0) + 1


def coming_revision(session: Session) -> int | None:
    """Return the number of the revision that is being made beside what is ready; None while none is."""
    if session.next_status is None:
        return None
    # The bundle that is being checked has its number already.
    return next_revision(session) - (session.next_status == UploadStep.VALIDATING)


def sessions_about_to_end(actor: Actor, now: dt.datetime, limit: int) -> Sequence[ShownSession]:
    """Return the live sessions that the actor sees, the first to end first. Issues one query."""
    rows = listed_sessions() & Session.objects.visible_to(actor)
    live = rows.filter(status__in=LIVE, expires_at__gt=now).order_by("expires_at", "pk")
    return [ShownSession.of(row, now) for row in live[:limit]]


def purged_sessions(actor: Actor, limit: int) -> Sequence[Session]:
    """Return the newest purged sessions that the actor sees, with their receipts. Issues one query."""
    rows = listed_sessions() & Session.objects.visible_to(actor)
    return list(rows.filter(status=SessionStatus.PURGED).order_by("-purged_at", "-pk")[:limit])


def shareable_projects(actor: Actor) -> QuerySet[Project]:
    """Return the projects whose previews the actor may make, by name; the service decides again."""
    rows = Project.objects.visible_to(actor).filter(archived_at__isnull=True).order_by("name", "pk")
    if not actor.may("previews.create"):
        return rows.none()
    if actor.role in MANAGERS:
        return rows
    editing = ProjectMember.objects.filter(project=OuterRef("pk"), user=actor.person, role=EDITOR)
    return rows.filter(Q(owner=actor.person) | Q(Exists(editing)))
