"""Pages of the base: the overview of the active organization."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.accounts.pages import PageRequest, page
from apps.common.cards import visible_cards


@require_safe
@page("accounts.view")
def overview(request: PageRequest) -> HttpResponse:
    """Show the cards that the products registered and the actor may see; each loads its own fragment."""
    return render(request, "accounts/overview.html", {"cards": visible_cards(request.actor.may)})
