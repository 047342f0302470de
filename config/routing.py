"""The websocket's routing."""

from typing import Any

from django.urls import path, re_path

from apps.accounts.consumers import LiveConsumer, refuse_path

# Typed loosely: Channels routes ASGI applications by Django's `path`, which is declared for views.
live: Any = LiveConsumer.as_asgi()
nowhere: Any = refuse_path

websocket_urlpatterns: list[Any] = [path("ws/live", live), re_path(r"", nowhere)]
