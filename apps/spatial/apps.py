"""The spatial app."""

from django.apps import AppConfig

from apps.common.audit import register_audit_verbs
from apps.common.keeping import register_purge, register_rule
from apps.common.live import register_topic
from apps.common.notices import register_notice
from apps.common.tools import register_tools
from apps.spatial.verbs import VERBS


class SpatialConfig(AppConfig):
    """Hexagon maps over datasets, and forecasts."""

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
        """Register what the app shows elsewhere, its jobs, topics and tools."""
        from apps.spatial import forecast_tasks, pruning  # noqa: F401, PLC0415 - importing declares the jobs
        from apps.spatial.forecast_notices import NOTICES  # noqa: PLC0415
        from apps.spatial.forecast_tools import MODEL_RESOURCE  # noqa: PLC0415
        from apps.spatial.forecast_tools import TOOLS as FORECAST_TOOLS  # noqa: PLC0415
        from apps.spatial.models import ForecastModel, Prediction  # noqa: PLC0415

        register_tools(FORECAST_TOOLS, MODEL_RESOURCE)
        for rule in pruning.RULES:
            register_rule(rule)
        register_purge("spatial", pruning.purge_forecasts)
        for kind in NOTICES:
            register_notice(kind)
        register_topic(pattern="models", permission="spatial.view")
        register_topic(
            pattern="models.<id>",
            permission="spatial.view",
            visible=lambda actor, key: ForecastModel.objects.visible_to(actor).filter(pk=key).exists(),
        )
        register_topic(
            pattern="predictions.<id>",
            permission="spatial.view",
            visible=lambda actor, key: Prediction.objects.visible_to(actor).filter(pk=key).exists(),
        )
