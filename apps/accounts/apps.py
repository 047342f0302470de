"""The accounts app."""

from django.apps import AppConfig

from apps.accounts.notices import NOTICES
from apps.accounts.topics import register_topics
from apps.accounts.verbs import VERBS
from apps.common.audit import register_audit_verbs
from apps.common.idempotency import register_store
from apps.common.keeping import register_rule
from apps.common.metrics import counting
from apps.common.notices import register_notice


class AccountsConfig(AppConfig):
    """People, organizations, roles, sessions and keys."""

    name = "apps.accounts"
    label = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register jobs, notices, tools and the API's store of answers; models are loaded only now."""
        from apps.accounts import tasks  # noqa: F401, PLC0415 - importing declares the jobs
        from apps.accounts.authentication import may_read_health  # noqa: PLC0415
        from apps.accounts.idempotency import AnswerTable  # noqa: PLC0415
        from apps.accounts.job_topics import register_job_topics  # noqa: PLC0415
        from apps.accounts.mcp import jobs, platform  # noqa: PLC0415
        from apps.accounts.models import Organization, User  # noqa: PLC0415
        from apps.accounts.probes import probe_audit  # noqa: PLC0415
        from apps.accounts.services import RULES  # noqa: PLC0415
        from apps.common.health import register_reader  # noqa: PLC0415
        from apps.common.probes import Probe, register_probe  # noqa: PLC0415
        from apps.common.tools import register_tools  # noqa: PLC0415

        register_store(AnswerTable())
        register_reader(may_read_health)
        counting(
            "sextant_users", "Users who can sign in.", lambda: User.objects.filter(is_active=True).count()
        )
        counting(
            "sextant_organizations", "Living organizations.", lambda: Organization.objects.living().count()
        )
        register_topics()
        register_job_topics()
        register_tools(platform.TOOLS)
        register_tools(jobs.TOOLS, jobs.JOB_RESOURCE)
        for kind in NOTICES:
            register_notice(kind)
        register_audit_verbs(VERBS)
        register_probe(Probe("audit", probe_audit))
        for rule in RULES:
            register_rule(rule)
