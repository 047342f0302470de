"""The projects app."""

from django.apps import AppConfig

from apps.common.audit import register_audit_verbs
from apps.common.cards import Card, register_card
from apps.common.keeping import register_purge, register_rule
from apps.common.notices import register_notice
from apps.common.tools import register_tools
from apps.projects.verbs import VERBS


class ProjectsConfig(AppConfig):
    """Code projects."""

    name = "apps.projects"
    label = "projects"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register what the app shows elsewhere, its jobs, topics and tools."""
        # Models are loaded only now.
        from apps.common.probes import register_probe  # noqa: PLC0415
        from apps.projects import pruning, tasks, topics  # noqa: F401, PLC0415 - importing declares the jobs
        from apps.projects.checks import register_checks  # noqa: PLC0415
        from apps.projects.documenting import keeping  # noqa: PLC0415
        from apps.projects.manifests.pruning import RULES as MANIFEST_RULES  # noqa: PLC0415
        from apps.projects.notices import NOTICES  # noqa: PLC0415
        from apps.projects.probes import PROBES  # noqa: PLC0415
        from apps.projects.services import deletions  # noqa: PLC0415
        from apps.projects.tools import TOOLS  # noqa: PLC0415

        register_audit_verbs(VERBS)
        topics.register()
        # Mirrors
        register_checks()
        for rule in (*pruning.RULES, *MANIFEST_RULES):
            register_rule(rule)
        for kind in NOTICES:
            register_notice(kind)
        # Results of code jobs
        register_rule(keeping.RULE)
        register_tools(TOOLS)
        for probe in PROBES:
            register_probe(probe)
        register_card(Card(title="Projects", url_name="projects:card", permission="projects.view", order=40))
        # Deleted projects
        register_rule(deletions.RULE)
        register_purge("projects", deletions.purge_organization)
