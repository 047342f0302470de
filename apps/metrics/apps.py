"""The metrics app."""

from django.apps import AppConfig

from apps.common.audit import register_audit_verbs
from apps.common.cards import Card, register_card
from apps.common.keeping import register_purge
from apps.common.metrics import counting, register_figure
from apps.common.notices import register_notice
from apps.metrics.verbs import VERBS


class MetricsConfig(AppConfig):
    """Series of points."""

    name = "apps.metrics"
    label = "metrics"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register what the app shows elsewhere, its topics and figures, and what it tells people."""
        # Models are loaded only now.
        from apps.common.probes import register_probe  # noqa: PLC0415
        from apps.common.tools import register_tools  # noqa: PLC0415
        from apps.metrics import figures, keeping, notices, probes, topics  # noqa: PLC0415
        from apps.metrics.compaction.notices import NOTICES as DIFFERENCES  # noqa: PLC0415
        from apps.metrics.models import Metric  # noqa: PLC0415
        from apps.metrics.tools import METRIC_RESOURCE, TOOLS  # noqa: PLC0415

        register_audit_verbs(VERBS)
        topics.register()
        for kind in (*notices.NOTICES, *DIFFERENCES):
            register_notice(kind)
        for figure in figures.FIGURES:
            register_figure(figure)
        register_probe(probes.PROBE)
        register_purge("metrics", keeping.purge_metrics)
        counting("sextant_metrics", "Living metrics.", lambda: Metric.objects.living().count())
        register_tools(TOOLS, METRIC_RESOURCE)
        register_card(
            Card(
                title="Metrics",
                url_name="metrics:card",
                permission="metrics.view",
                topics=(topics.METRICS,),
                order=10,
            )
        )
