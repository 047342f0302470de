"""The signals app."""

from django.apps import AppConfig

from apps.common.audit import register_audit_verbs
from apps.signals.verbs import VERBS


class SignalsConfig(AppConfig):
    """Quality signals."""

    name = "apps.signals"
    label = "signals"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register what the app shows elsewhere, its jobs, topics and tools."""
        register_audit_verbs(VERBS)
