"""The peer that Channels gives: its pub/sub layer as it comes, and a plain consumer on the same server."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from typing import Any  # noqa: E402

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402 - reads the settings
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.core.asgi import get_asgi_application  # noqa: E402
from django.urls import path  # noqa: E402


class PlainConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # Channels is not typed
    """One group per connection, and its messages passed on."""

    async def connect(self) -> None:
        """Join the group of the address."""
        self.group = self.scope["url_route"]["kwargs"]["group"]
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        """Leave the group."""
        await self.channel_layer.group_discard(self.group, self.channel_name)

    async def bench_event(self, message: dict[str, Any]) -> None:
        """Pass a message on."""
        await self.send(text_data=message["text"])


routes = [path("sub/<str:group>", PlainConsumer.as_asgi())]
application = ProtocolTypeRouter({"http": get_asgi_application(), "websocket": URLRouter(routes)})
