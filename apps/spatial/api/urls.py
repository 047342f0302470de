"""The addresses of the API of spatial."""

from django.urls import path

from apps.spatial.api.exports import ExportViewSet
from apps.spatial.api.views import HexViewSet

urlpatterns = [
    path("hexes", HexViewSet.as_view({"get": "aggregate"}), name="hexes"),
    path("hexes/geojson", HexViewSet.as_view({"get": "geojson"}), name="hexes-geojson"),
    path("hexes/<str:h3>", HexViewSet.as_view({"get": "cell"}), name="hexes-cell"),
    path("timeline", HexViewSet.as_view({"get": "timeline"}), name="timeline"),
    path("export", ExportViewSet.as_view({"get": "export"}), name="export"),
]
