"""The map page."""

from typing import Any, Final

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.http import require_safe

from apps.accounts.pages import PageRequest, page
from apps.accounts.permissions import Actor
from apps.datasets.models import Dataset

# Mean edge lengths of H3 cells by resolution, as people say them.
EDGES: Final = (
    (3, "69 km"),
    (4, "26 km"),
    (5, "9.9 km"),
    (6, "3.7 km"),
    (7, "1.4 km"),
    (8, "530 m"),
    (9, "201 m"),
    (10, "76 m"),
    (11, "29 m"),
)


WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
EXPORT_FORMATS: Final = (
    ("csv", "CSV"),
    ("geojson", "GeoJSON"),
    ("geojsonseq", "GeoJSON lines"),
    ("parquet", "GeoParquet"),
    ("arrow", "Arrow"),
    ("json", "JSON"),
)


@require_safe
@page("spatial.view")
def hexagon_map(request: PageRequest) -> HttpResponse:
    """Show the hexagon map of the organization's published datasets."""
    map_data = {
        "datasets": _published(request.actor),
        "edges": [{"resolution": resolution, "length": length} for resolution, length in EDGES],
        "hours": list(range(24)),
        "weekdays": [{"number": number, "name": name} for number, name in enumerate(WEEKDAYS, 1)],
        "export_formats": [{"name": name, "label": label} for name, label in EXPORT_FORMATS],
        "outlines": {
            "coarse": static("vendor/world-atlas/countries-110m.json"),
            "medium": static("vendor/world-atlas/countries-50m.json"),
            "fine": static("vendor/world-atlas/countries-10m.json"),
        },
        "worker_url": static("vendor/maplibre-gl/maplibre-gl-worker.mjs"),
        "tile_url": settings.MAP_TILE_URL,
        "style_url": settings.MAP_STYLE_URL,
    }
    context = {
        "map_data": map_data,
        "may_create": request.actor.may("datasets.create"),
        "may_ask": request.actor.may("spatial.ask"),
        "may_export": request.actor.may("spatial.export"),
    }
    return render(request, "spatial/map.html", context)


def _published(actor: Actor) -> list[dict[str, Any]]:
    """Return what the map needs to know of each dataset with a version, the most recently changed first."""
    datasets = Dataset.objects.visible_to(actor).filter(current_version__isnull=False)
    return [
        _facts(dataset)
        for dataset in datasets.select_related("current_version").order_by("-updated_at", "id")
    ]


def _facts(dataset: Dataset) -> dict[str, Any]:
    version = dataset.current_version
    if version is None:
        raise ValueError("only a published dataset has facts to show")
    return {
        "id": str(dataset.pk),
        "name": dataset.name,
        "url": reverse("datasets:dataset", args=[dataset.pk]),
        "zone": dataset.zone,
        "version": version.number,
        "events": version.event_count,
        "extent": version.extent,
        "precisions": version.precision_counts,
        "first_at": version.first_at,
        "last_at": version.last_at,
    }
