"""The datasets app."""

from django.apps import AppConfig


class DatasetsConfig(AppConfig):
    """Geo-event datasets."""

    name = "apps.datasets"
    label = "datasets"
    default_auto_field = "django.db.models.BigAutoField"
