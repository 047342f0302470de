"""The addresses of the API of signals."""

from django.urls import URLPattern, URLResolver

from apps.common.viewsets import ApiRouter
from apps.signals.api.views import SignalViewSet

urlpatterns: list[URLPattern | URLResolver] = []

signals = ApiRouter()
signals.register("signals", SignalViewSet, basename="signal")
urlpatterns += signals.urls
