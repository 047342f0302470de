"""The overview's card of previews."""

from typing import Final

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.accounts.pages import PageRequest, page
from apps.previews.queries.listing import sessions_about_to_end

ROWS: Final = 6


@require_safe
@page("previews.view")
def overview_card(request: PageRequest) -> HttpResponse:
    """Show the live previews, the first to end first."""
    now = timezone.now()
    context = {
        "sessions": sessions_about_to_end(request.actor, now, ROWS),
        "now": now,
        "may_create": request.actor.may("previews.create"),
    }
    return render(request, "previews/_card.html", context)
