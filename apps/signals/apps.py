"""The signals app."""

from django.apps import AppConfig

from apps.common.audit import register_audit_verbs
from apps.common.cards import Card, register_card
from apps.common.keeping import register_purge, register_rule
from apps.common.metrics import register_figure
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
        from apps.common.probes import register_probe  # noqa: PLC0415
        from apps.common.tools import register_tools  # noqa: PLC0415
        from apps.signals import figures, probes, pruning, tasks, topics  # noqa: F401, PLC0415 - declares jobs
        from apps.signals.checks import register_checks  # noqa: PLC0415
        from apps.signals.notices import NOTICES  # noqa: PLC0415
        from apps.signals.tools import SIGNAL_RESOURCE, TOOLS  # noqa: PLC0415

        register_checks()
        register_audit_verbs(VERBS)
        register_purge("signals", pruning.purge_signals)
        for rule in pruning.RULES:
            register_rule(rule)
        topics.register()
        for kind in NOTICES:
            register_notice(kind)
        register_tools(TOOLS, SIGNAL_RESOURCE)
        for figure in figures.FIGURES:
            register_figure(figure)
        register_probe(probes.PROBE)
        register_card(
            Card(
                title="Signals",
                url_name="signals:card",
                permission="signals.view",
                topics=("signals",),
                order=30,
            )
        )
