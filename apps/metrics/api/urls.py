"""Addresses of the REST API of metrics."""

from django.urls import path

from apps.metrics.api.sending import SendingViewSet

urlpatterns = [
    path("metrics/counter", SendingViewSet.as_view({"post": "counter"}), name="metrics-counter"),
    path("metrics/value", SendingViewSet.as_view({"post": "value"}), name="metrics-value"),
    path("metrics/batch", SendingViewSet.as_view({"post": "batch"}), name="metrics-batch"),
]
