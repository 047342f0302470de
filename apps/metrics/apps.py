"""The metrics app."""

from django.apps import AppConfig

from apps.common.audit import register_audit_verbs
from apps.common.notices import register_notice
from apps.metrics.verbs import VERBS


class MetricsConfig(AppConfig):
    """Series of points."""

    name = "apps.metrics"
    label = "metrics"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register what the app shows elsewhere."""
        # Models are loaded only now.
        from apps.metrics import topics  # noqa: PLC0415
        from apps.metrics.notices import NOTICES  # noqa: PLC0415

        register_audit_verbs(VERBS)
        topics.register()
        for kind in NOTICES:
            register_notice(kind)
