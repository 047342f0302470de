"""The ASGI application: the doors of points, HTTP by Django with event streams beside it, the websocket."""

import gc
import os
import threading

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings

django.setup(set_prefix=False)

from apps.accounts.event_streams import EventStreams  # noqa: E402 - imports models
from apps.common.request_limits import RequestLimits  # noqa: E402
from apps.datasets.upload_streams import UploadStreams  # noqa: E402
from apps.metrics.doors.asgi import MetricDoors  # noqa: E402
from apps.metrics.doors.registry import DOORS  # noqa: E402
from config.request_threads import RequestThreads  # noqa: E402
from config.routing import websocket_urlpatterns  # noqa: E402 - consumers import models
from config.tasks import ask_for  # noqa: E402

django_application = RequestLimits(UploadStreams(EventStreams(RequestThreads())))
# What is loaded by now stays: the collector need not look at it again while requests wait.
gc.freeze()
application = ProtocolTypeRouter(
    {"http": MetricDoors(django_application, DOORS), "websocket": URLRouter(websocket_urlpatterns)}
)
if settings.ROLE == "web":
    # An installation without signals finds its runs at once. Beside the start: the broker may be slow.
    threading.Thread(target=ask_for, args=("discover_runs",), daemon=True).start()
