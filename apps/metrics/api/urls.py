"""The addresses of the API of metrics. Fixed words come first: a key may be anything."""

from django.urls import path

from apps.common.viewsets import ApiRouter
from apps.metrics.api.sending import SendingViewSet
from apps.metrics.api.views import MetricViewSet, PolicyViewSet

router = ApiRouter()
router.register("metrics", MetricViewSet, basename="metric")

urlpatterns = [
    path("metrics/counter", SendingViewSet.as_view({"post": "counter"}), name="metrics-counter"),
    path("metrics/value", SendingViewSet.as_view({"post": "value"}), name="metrics-value"),
    path("metrics/batch", SendingViewSet.as_view({"post": "batch"}), name="metrics-batch"),
    path(
        "metrics/policy",
        PolicyViewSet.as_view({"get": "retrieve", "patch": "partial_update"}),
        name="metrics-policy",
    ),
    *router.urls,
]
