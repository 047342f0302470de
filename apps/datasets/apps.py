"""The datasets app."""

from django.apps import AppConfig

from apps.common.audit import register_audit_verbs
from apps.common.cards import Card, register_card
from apps.common.keeping import register_purge, register_rule
from apps.common.live import register_topic
from apps.common.metrics import counting
from apps.common.notices import register_notice
from apps.datasets.verbs import VERBS


class DatasetsConfig(AppConfig):
    """Geo-event datasets."""

    name = "apps.datasets"
    label = "datasets"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register what the app shows elsewhere, its jobs, topics and tools."""
        # Models are loaded only now.
        from apps.common.tools import register_tools  # noqa: PLC0415
        from apps.datasets import (  # noqa: PLC0415
            pruning,
            tasks,  # noqa: F401 - declares the job
            upkeep_tasks,  # noqa: F401 - declares the jobs
            upload_pruning,
        )
        from apps.datasets.figures import register_figures  # noqa: PLC0415
        from apps.datasets.models import Dataset, Source  # noqa: PLC0415
        from apps.datasets.notices import NOTICES  # noqa: PLC0415
        from apps.datasets.source_tools import SOURCE_TOOLS  # noqa: PLC0415
        from apps.datasets.tools import DATASET_RESOURCE, TOOLS  # noqa: PLC0415
        from apps.datasets.version_resource import VERSION_RESOURCE  # noqa: PLC0415

        register_audit_verbs(VERBS)
        register_tools(TOOLS + SOURCE_TOOLS, DATASET_RESOURCE, VERSION_RESOURCE)
        for kind in NOTICES:
            register_notice(kind)
        register_purge("datasets", pruning.purge_datasets)
        register_purge("uploads", upload_pruning.purge_uploads)
        for rule in (*pruning.RULES, *upload_pruning.RULES):
            register_rule(rule)
        register_topic(pattern="datasets", permission="datasets.view")
        register_topic(
            pattern="datasets.<id>",
            permission="datasets.view",
            visible=lambda actor, key: Dataset.objects.visible_to(actor).filter(pk=key).exists(),
        )
        register_topic(
            pattern="sources.<id>",
            permission="datasets.view",
            visible=lambda actor, key: Source.objects.visible_to(actor).filter(pk=key).exists(),
        )
        register_figures()
        counting("sextant_datasets", "Living datasets.", lambda: Dataset.objects.living().count())
        register_card(
            Card(
                title="Datasets",
                url_name="datasets:card",
                permission="datasets.view",
                topics=("datasets",),
                order=20,
            )
        )
