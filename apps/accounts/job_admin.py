"""What operators see and do of jobs: one board over all kinds, those of the installation itself too."""

from collections.abc import Callable
from typing import Any, Final

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.accounts import services
from apps.accounts.job_queries import summarize_jobs
from apps.accounts.models import Job
from apps.accounts.models.job import JobQuerySet
from apps.accounts.permissions import Actor, system_actor
from apps.accounts.queries import organization_of_chain
from apps.common.admin import ReadOnlyAdmin

CHOSEN_MAX: Final = 500


class DeadLetterFilter(admin.SimpleListFilter):
    """Dead letters: what failed and was not discarded."""

    title = "dead letters"
    parameter_name = "dead"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the one choice beside all."""
        return [("true", "Dead letters only")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        """Narrow the rows."""
        is_asked = self.value() == "true" and isinstance(queryset, JobQuerySet)
        return queryset.dead() if is_asked else queryset  # type: ignore[attr-defined]


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    """Jobs of all kinds."""

    list_display = (
        "kind", "organization", "status", "stage", "percent", "attempts", "queue", "error_code",
        "created_by", "created_at", "started_at", "finished_at",
    )  # fmt: skip
    list_filter = ("status", DeadLetterFilter, "kind", "queue")
    list_select_related = ("organization", "created_by")
    search_fields = ("kind", "error_code", "error_detail", "organization__slug", "request_id")
    ordering = ("-created_at", "pk")
    exclude = ("error_trace", "progress")
    readonly_fields = ("percent", "trace")
    actions = ("cancel", "retry", "discard")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Show above the rows how many jobs there are, by kind and status."""
        counts = summarize_jobs(Job.objects.all())
        return super().changelist_view(request, {"counts": counts} | (extra_context or {}))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        """Leave the traces where they are until a single job is looked at."""
        rows: QuerySet[Job] = super().get_queryset(request)
        is_single = request.resolver_match is not None and "object_id" in request.resolver_match.kwargs
        return rows if is_single else rows.defer("error_trace")

    @admin.display(description="progress", ordering="progress")
    def percent(self, row: Job) -> str:
        """Return how far the job is."""
        return f"{row.progress:.0%}"

    @admin.display(description="attempt", ordering="attempt")
    def attempts(self, row: Job) -> str:
        """Return how often the job was tried, of how often it may be."""
        return f"{row.attempt} of {row.max_attempts}"

    @admin.display(description="trace")
    def trace(self, row: Job) -> SafeString:
        """Return where an unforeseen error came from."""
        return format_html("<pre>{}</pre>", row.error_trace or "none")

    @admin.action(description="Cancel")
    def cancel(self, request: HttpRequest, rows: QuerySet[Job]) -> None:
        """Cancel the chosen jobs."""
        self._act(request, rows, lambda job: services.cancel_job(actor=operator(job), job=job))

    @admin.action(description="Retry: queue again, attempts counted from none")
    def retry(self, request: HttpRequest, rows: QuerySet[Job]) -> None:
        """Queue the chosen failed jobs again."""
        self._act(request, rows, lambda job: services.retry_job(actor=operator(job), job=job))

    @admin.action(description="Discard: out of the dead letters")
    def discard(self, request: HttpRequest, rows: QuerySet[Job]) -> None:
        """Take the chosen failed jobs out of the dead letters."""
        self._act(request, rows, lambda job: services.discard_job(actor=operator(job), job=job))

    def _act(self, request: HttpRequest, rows: QuerySet[Job], act: Callable[[Job], None]) -> None:
        if rows.count() > CHOSEN_MAX:
            self.message_user(request, f"Choose at most {CHOSEN_MAX} jobs at once.", messages.ERROR)
            return
        self.each(request, rows.select_related("organization"), act)


def operator(job: Job) -> Actor:
    """Return the installation acting where a job belongs."""
    return system_actor(job.organization or organization_of_chain(None))
