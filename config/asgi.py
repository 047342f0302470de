"""The ASGI application: HTTP by Django, with event streams beside it; the websocket by Channels."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

http_application = get_asgi_application()

from apps.accounts.event_streams import EventStreams  # noqa: E402 - imports models
from apps.common.request_limits import RequestLimits  # noqa: E402
from config.routing import websocket_urlpatterns  # noqa: E402 - consumers import models

application = ProtocolTypeRouter(
    {"http": RequestLimits(EventStreams(http_application)), "websocket": URLRouter(websocket_urlpatterns)}
)
