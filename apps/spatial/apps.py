"""The spatial app."""

from django.apps import AppConfig

from apps.common.audit import register_audit_verbs
from apps.spatial.verbs import VERBS


class SpatialConfig(AppConfig):
    """Hexagon maps over datasets."""

    name = "apps.spatial"
    label = "spatial"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register what the app shows elsewhere."""
        register_audit_verbs(VERBS)
