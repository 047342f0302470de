"""The overview's card of signals."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.accounts.pages import PageRequest, page
from apps.signals.queries.overview import overview_of


@require_safe
@page("signals.view")
def overview_card(request: PageRequest) -> HttpResponse:
    """Show how many signals are of each type, and how that changed with the last run."""
    context = {"overview": overview_of(request.actor), "may_run": request.actor.may("signals.run")}
    return render(request, "signals/_card.html", context)
