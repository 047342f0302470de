"""The metrics app."""

from django.apps import AppConfig

from apps.common.audit import register_audit_verbs
from apps.metrics.verbs import VERBS


class MetricsConfig(AppConfig):
    """Series of points."""

    name = "apps.metrics"
    label = "metrics"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register what the app shows elsewhere."""
        register_audit_verbs(VERBS)
