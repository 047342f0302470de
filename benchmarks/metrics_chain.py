"""The peer of the single point: the same call through Django's middleware, without the ASGI door."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup(set_prefix=False)

from config.request_threads import RequestThreads  # noqa: E402 - imports models

application = RequestThreads()
