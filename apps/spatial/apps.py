"""The spatial app."""

from django.apps import AppConfig


class SpatialConfig(AppConfig):
    """Hexagon maps over datasets."""

    name = "apps.spatial"
    label = "spatial"
    default_auto_field = "django.db.models.BigAutoField"
