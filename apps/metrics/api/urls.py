"""The addresses of the API of metrics."""

from django.urls import URLPattern, path, re_path

from apps.metrics.api.query_views import PointViewSet, QueryViewSet

# Fixed words stand before the address of a metric, whose name may be any text.
urlpatterns: list[URLPattern] = [
    path(
        "metrics/query",
        QueryViewSet.as_view({"get": "by_parameters", "post": "by_body"}),
        name="metrics-query",
    ),
    re_path(
        r"^metrics/(?P<pk>[0-9a-fA-F-]{36})/points$",
        PointViewSet.as_view({"get": "points"}, detail=True),
        name="metric-points",
    ),
]
