"""The previews app."""

from django.apps import AppConfig

from apps.common.audit import register_audit_verbs
from apps.common.notices import register_notice
from apps.previews.verbs import VERBS


class PreviewsConfig(AppConfig):
    """Preview bundles."""

    name = "apps.previews"
    label = "previews"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register what the app shows elsewhere, its jobs, topics and tools."""
        # Models are loaded only now.
        from apps.previews import tasks, topics  # noqa: F401, PLC0415 - importing declares the jobs
        from apps.previews.notices import NOTICES  # noqa: PLC0415

        register_audit_verbs(VERBS)
        topics.register()
        for kind in NOTICES:
            register_notice(kind)
