"""The metrics app."""

from django.apps import AppConfig

from apps.common.audit import register_audit_verbs
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
        """Register what the app shows elsewhere, its figures and what it tells people."""
        # Models are loaded only now.
        from apps.common.probes import register_probe  # noqa: PLC0415
        from apps.metrics import figures, keeping, probes  # noqa: PLC0415
        from apps.metrics.compaction import notices  # noqa: PLC0415
        from apps.metrics.models import Metric  # noqa: PLC0415

        register_audit_verbs(VERBS)
        for kind in notices.NOTICES:
            register_notice(kind)
        for figure in figures.FIGURES:
            register_figure(figure)
        register_probe(probes.PROBE)
        register_purge("metrics", keeping.purge_metrics)
        counting("sextant_metrics", "Living metrics.", lambda: Metric.objects.living().count())
