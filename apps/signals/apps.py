"""The signals app."""

from django.apps import AppConfig

from apps.common.audit import register_audit_verbs
from apps.common.keeping import register_purge, register_rule
from apps.common.notices import register_notice
from apps.signals.verbs import VERBS


class SignalsConfig(AppConfig):
    """Quality signals."""

    name = "apps.signals"
    label = "signals"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register what the app shows elsewhere, its jobs, topics and tools."""
        # Models are loaded only now.
        from apps.signals import pruning, tasks, topics  # noqa: F401, PLC0415 - importing tasks declares the jobs
        from apps.signals.checks import register_checks  # noqa: PLC0415
        from apps.signals.notices import NOTICES  # noqa: PLC0415

        register_checks()
        register_audit_verbs(VERBS)
        register_purge("signals", pruning.purge_signals)
        for rule in pruning.RULES:
            register_rule(rule)
        topics.register()
        for kind in NOTICES:
            register_notice(kind)
