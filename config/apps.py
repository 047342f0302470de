"""The wiring as an app, for its commands and its Celery application."""

from importlib import import_module

from django.apps import AppConfig


class SextantConfig(AppConfig):
    """Loads the Celery application, so that every process sends its messages to the configured broker."""

    name = "config"

    def ready(self) -> None:
        """Load the Celery application: it reads the settings, which are complete only now."""
        import_module("config.celery")
