"""The REST API's routing: `/api/v1/<app's own>`."""

from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = []
