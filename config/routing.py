"""The websocket's routing."""

from typing import Any

websocket_urlpatterns: list[Any] = []
