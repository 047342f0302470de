"""The Celery application: worker and beat."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
if os.environ.get("SEXTANT_ROLE") == "beat":
    # The clock runs without the products (see INSTALLED_APPS): nothing there for the system checks to find.
    os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

app = Celery("sextant")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
