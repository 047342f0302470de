"""The map page."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.accounts.pages import PageRequest, page


@require_safe
@page("spatial.view")
def hexagon_map(request: PageRequest) -> HttpResponse:
    """Show the hexagon map of the organization's datasets."""
    return render(request, "spatial/map.html")
