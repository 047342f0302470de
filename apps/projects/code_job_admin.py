"""What operators see and do of code jobs: how they went and what they cost, never what they read or say."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.projects.models import CodeJob
from apps.projects.proposal_admin import ProposalJobAdmin
from apps.projects.queries.usage import ai_use


@admin.register(CodeJob)
class CodeJobAdmin(ProposalJobAdmin):
    """Code jobs with the trace of a failure; above them the use of language models."""

    list_display = (
        "created_at", "type", "engine", "project", "organization", "status", "outcome", "is_degraded",
        "attempt", "tokens_in", "tokens_out", "error_code", "created_by", "finished_at",
    )  # fmt: skip
    list_filter = ("status", "type", "engine", "outcome", "is_degraded")
    list_select_related = ("project", "organization", "created_by")
    exclude = (
        "request", "result", "source_blobs", "storage_key", "input_digest", "cache_key", "error_trace",
        "lease_token",
    )  # fmt: skip
    readonly_fields = ("trace",)
    change_list_template = "admin/projects/codejob/change_list.html"

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Show above the rows what language models were used for, by day and organization."""
        return super().changelist_view(request, {"use": ai_use(now=timezone.now())} | (extra_context or {}))

    def get_queryset(self, request: HttpRequest) -> QuerySet[CodeJob]:
        """Leave results where they are."""
        rows: QuerySet[CodeJob] = super().get_queryset(request)
        return rows.defer("result", "source_blobs")

    @admin.display(description="trace")
    def trace(self, row: CodeJob) -> SafeString:
        """Return where an unforeseen error came from."""
        return format_html("<pre>{}</pre>", row.error_trace or "none")
