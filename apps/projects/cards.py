"""The overview's card of projects."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.accounts.pages import PageRequest, page
from apps.projects.queries.projects import overview_of


@require_safe
@page("projects.view")
def overview_card(request: PageRequest) -> HttpResponse:
    """Show how many projects there are, which need somebody, and those that changed last."""
    context = {"overview": overview_of(request.actor), "may_create": request.actor.may("projects.create")}
    return render(request, "projects/_card.html", context)
