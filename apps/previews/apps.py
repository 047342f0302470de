"""The previews app."""

from django.apps import AppConfig

from apps.common.audit import register_audit_verbs
from apps.common.cards import Card, register_card
from apps.common.keeping import register_purge
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
        from apps.common.probes import register_probe  # noqa: PLC0415
        from apps.common.tools import register_tools  # noqa: PLC0415
        from apps.previews import probes, pruning, tasks, topics  # noqa: F401, PLC0415 - importing declares the jobs
        from apps.previews.notices import NOTICES  # noqa: PLC0415
        from apps.previews.tools import TOOLS  # noqa: PLC0415

        register_audit_verbs(VERBS)
        topics.register()
        for kind in NOTICES:
            register_notice(kind)
        register_purge("previews", pruning.purge_previews)
        register_tools(TOOLS)
        for probe in probes.PROBES:
            register_probe(probe)
        register_card(
            Card(
                title="Previews",
                url_name="previews:card",
                permission="previews.view",
                topics=("previews",),
                order=50,
            )
        )
