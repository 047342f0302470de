"""The addresses of the API of spatial."""

from django.urls import path

from apps.spatial.api.question_views import QuestionViewSet
from apps.spatial.api.views import HexViewSet

urlpatterns = [
    path("hexes", HexViewSet.as_view({"get": "aggregate"}), name="hexes"),
    path("hexes/geojson", HexViewSet.as_view({"get": "geojson"}), name="hexes-geojson"),
    path("hexes/<str:h3>", HexViewSet.as_view({"get": "cell"}), name="hexes-cell"),
    path("questions", QuestionViewSet.as_view({"post": "ask"}), name="questions"),
    path("questions/grammar", QuestionViewSet.as_view({"get": "grammar"}), name="questions-grammar"),
    path("timeline", HexViewSet.as_view({"get": "timeline"}), name="timeline"),
]
