"""Pages of previews: the list, one preview, and what a recipient sees."""

import uuid
from typing import Any, Final

from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.accounts.pages import PageRequest, page
from apps.accounts.permissions import Actor
from apps.previews.models import AccessEntry, Session
from apps.previews.queries.listing import (
    ShownSession,
    coming_revision,
    listed_sessions,
    purged_sessions,
    shareable_projects,
)
from apps.previews.states import LIVE, Access, Platform

ROWS_PER_PAGE: Final = 30
ACCESSES_SHOWN: Final = 50
RECEIPTS_SHOWN: Final = 10


@require_safe
@page("previews.view")
def session_list(request: PageRequest) -> HttpResponse:
    """Show the previews of the projects that the actor sees: those that live first, then the ended."""
    now = timezone.now()
    rows = listed_sessions() & Session.objects.visible_to(request.actor)
    shows_ended = request.GET.get("show") == "ended"
    live = rows.filter(status__in=LIVE, expires_at__gt=now)
    chosen = rows.exclude(pk__in=live.values("pk")) if shows_ended else live
    found = Paginator(chosen.order_by("-created_at", "-pk"), ROWS_PER_PAGE).get_page(request.GET.get("page"))
    projects = list(shareable_projects(request.actor))
    context = {
        "page": found,
        "sessions": [ShownSession.of(row, now) for row in found],
        "shows_ended": shows_ended,
        "receipts": purged_sessions(request.actor, RECEIPTS_SHOWN) if shows_ended else (),
        "now": now,
        **_creation(request.actor, projects),
    }
    return render(request, "previews/list.html", context)


@require_safe
@page("previews.view")
def session_page(request: PageRequest, session_id: uuid.UUID) -> HttpResponse:
    """Show one preview: where it stands and its content; to who shares it also devices and the access log."""
    now = timezone.now()
    rows = listed_sessions() & Session.objects.visible_to(request.actor)
    session = get_object_or_404(rows, pk=session_id)
    accesses = AccessEntry.objects.filter(session=session).select_related("device")
    context = {
        "session": session,
        "shown": ShownSession.of(session, now),
        "coming_revision": coming_revision(session),
        "devices": session.devices.filter(ended_at__isnull=True).order_by("created_at", "pk"),
        "accesses": accesses.order_by("-at", "-pk")[:ACCESSES_SHOWN],
        "now": now,
        **_acts(request.actor, session),
    }
    return render(request, "previews/session.html", context)


@require_safe
def recipient_page(request: HttpRequest, public_id: str) -> HttpResponse:
    """Show the page of a link. It is the same for every id: what opens it stands in the fragment alone."""
    response = render(request, "previews/recipient.html", {"public_id": public_id})
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response


def _creation(actor: Actor, projects: list[Any]) -> dict[str, Any]:
    """Return what the dialog of a new preview offers."""
    return {
        "projects": projects,
        "platforms": Platform.choices,
        "accesses": [
            (Access.TOKEN, "Whoever has the link"),
            (Access.MEMBERS, "Members who see the project, with the link"),
        ],
        "lifetimes": ((600, "10 minutes"), (1_200, "20 minutes"), (2_400, "40 minutes"), (3_600, "an hour")),
        "default_ttl_s": settings.PREVIEWS_TTL_S,
        "may_create": actor.may("previews.create"),
    }


def _acts(actor: Actor, session: Session) -> dict[str, Any]:
    """Return what the actor may do with a session; the services decide again when it is done."""
    edits = session.project is not None and shareable_projects(actor).filter(pk=session.project.pk).exists()
    is_own = actor.person is not None and session.created_by_id == actor.person.pk
    return {
        "may_edit": edits,
        "may_revoke": (is_own and edits) or (edits and actor.may("previews.revoke", session.project)),
        "takes_dev_urls": settings.PREVIEWS_DEV_URLS,
        "max_bytes": settings.PREVIEWS_DIRECT_MAX_BYTES,
    }
