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
        # Models are loaded only now.
        from apps.common.tools import register_tools  # noqa: PLC0415
        from apps.spatial.tools import TOOLS  # noqa: PLC0415

        register_audit_verbs(VERBS)
        register_tools(TOOLS)
