"""The addresses of the API of metrics. Fixed words come first: a key may be anything."""

from django.urls import path, re_path

from apps.common.viewsets import ApiRouter
from apps.metrics.api.query_views import PointViewSet, QueryViewSet
from apps.metrics.api.sending import SendingViewSet
from apps.metrics.api.views import MetricViewSet, PolicyViewSet

router = ApiRouter()
router.register("metrics", MetricViewSet, basename="metric")

urlpatterns = [
    path("metrics/counter", SendingViewSet.as_view({"post": "counter"}), name="metrics-counter"),
    path("metrics/value", SendingViewSet.as_view({"post": "value"}), name="metrics-value"),
    path("metrics/batch", SendingViewSet.as_view({"post": "batch"}), name="metrics-batch"),
    path(
        "metrics/query",
        QueryViewSet.as_view({"get": "by_parameters", "post": "by_body"}),
        name="metrics-query",
    ),
    path(
        "metrics/policy",
        PolicyViewSet.as_view({"get": "retrieve", "patch": "partial_update"}),
        name="metrics-policy",
    ),
    # By id alone: a key may end in `/points`.
    re_path(
        r"^metrics/(?P<pk>[0-9a-fA-F-]{36})/points$",
        PointViewSet.as_view({"get": "points"}, detail=True),
        name="metric-points",
    ),
    *router.urls,
]
