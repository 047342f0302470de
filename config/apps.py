"""The wiring as an app, for its commands and its Celery application."""

from importlib import import_module

from django.apps import AppConfig
from django.conf import settings


class SextantConfig(AppConfig):
    """Loads the Celery application, so that every process sends its messages to the configured broker."""

    name = "config"

    def ready(self) -> None:
        """Load the Celery application, which reads the settings, complete only now; register the checks."""
        import_module("config.celery")
        if settings.ROLE != "beat":  # the clock answers nobody, has none of these tables, and stays small
            import_module("apps.common.checks").register_checks()
            import_module("apps.common.figures").register_figures()
            import_module("config.probes").register_probes()
