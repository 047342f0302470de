"""The Celery application: worker and beat."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
if os.environ.get("SEXTANT_ROLE") in {"beat", "worker"}:
    # The system checks load every address with what is behind it: 12 MB that a worker has no use for, and
    # `migrate` runs them at each start. The clock has no products (see INSTALLED_APPS) to check.
    os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

app = Celery("sextant")
app.config_from_object("django.conf:settings", namespace="CELERY")
if os.environ.get("SEXTANT_ROLE") != "beat":
    # The clock sends messages by name; what they call, and all that it imports, is no matter of its own.
    app.autodiscover_tasks()
