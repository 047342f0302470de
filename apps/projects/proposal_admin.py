"""What operators see and do of proposals and their applications. An action is one service call."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.accounts.models import Job
from apps.accounts.permissions import system_actor
from apps.accounts.services import cancel_job, retry_job
from apps.common.admin import ReadOnlyAdmin
from apps.projects.models import Application, Proposal


class ProposalJobAdmin(ReadOnlyAdmin):
    """Jobs of proposals, to be cancelled or tried again."""

    search_fields: ClassVar[tuple[str, ...]] = ("project__name", "organization__slug", "error_code")
    list_select_related: ClassVar[tuple[str, ...]] = ("project", "organization")
    ordering = ("-created_at", "pk")
    actions = ("cancel", "retry")

    @admin.action(description="Cancel")
    def cancel(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        """Cancel the chosen jobs."""
        self.each(
            request,
            rows,
            lambda row: cancel_job(actor=system_actor(row.organization), job=Job.objects.get(pk=row.pk)),
        )

    @admin.action(description="Try again")
    def retry(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        """Queue the chosen failed jobs again."""
        self.each(
            request,
            rows,
            lambda row: retry_job(actor=system_actor(row.organization), job=Job.objects.get(pk=row.pk)),
        )


@admin.register(Proposal)
class ProposalAdmin(ProposalJobAdmin):
    """Proposals with the trace of a failed analysis; what stands in the code is left out."""

    list_display = (
        "new_name", "project", "organization", "state", "status", "outcome", "mode", "attempt", "error_code",
        "created_by", "created_at",
    )  # fmt: skip
    list_filter = ("state", "status", "outcome", "mode")
    search_fields = ("project__name", "organization__slug", "error_code")
    list_select_related = ("project", "organization", "created_by")
    exclude = ("conflicts", "residual", "unscanned", "scanned", "proposal_digest", "lease_token")


@admin.register(Application)
class ApplicationAdmin(ProposalJobAdmin):
    """Applications with their commit and the digest of their patch."""

    list_display = (
        "proposal", "project", "organization", "status", "commit", "patch_digest_in_hex", "created_by",
        "approved_at", "error_code",
    )  # fmt: skip
    list_filter = ("status",)
    search_fields = ("project__name", "organization__slug", "commit", "error_code")
    list_select_related = ("proposal", "project", "organization", "created_by")
    exclude = ("patch_digest", "storage_key", "lease_token")
    readonly_fields = ("patch_digest_in_hex",)

    @admin.display(description="patch digest")
    def patch_digest_in_hex(self, row: Application) -> str:
        """Return the SHA-256 of the approved patch."""
        return bytes(row.patch_digest).hex()
