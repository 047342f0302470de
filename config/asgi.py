"""The ASGI application: HTTP by Django, with event streams beside it; the websocket by Channels."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django
from channels.routing import ProtocolTypeRouter, URLRouter

django.setup(set_prefix=False)

from apps.accounts.event_streams import EventStreams  # noqa: E402 - imports models
from apps.common.request_limits import RequestLimits  # noqa: E402
from config.request_threads import RequestThreads  # noqa: E402
from config.routing import websocket_urlpatterns  # noqa: E402 - consumers import models

application = ProtocolTypeRouter(
    {"http": RequestLimits(EventStreams(RequestThreads())), "websocket": URLRouter(websocket_urlpatterns)}
)
