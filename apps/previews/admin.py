"""What operators see and do of previews: sessions, receipts, clean-up. An action is one service call."""

from typing import Any, Final

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.accounts.authentication import Credentials, page_credentials
from apps.accounts.permissions import Actor, system_actor
from apps.accounts.services import require_recent_authentication
from apps.common.admin import ReadOnlyAdmin
from apps.common.errors import DomainError
from apps.previews import services
from apps.previews.models import CleanupEvent, CleanupRun, Session
from apps.previews.queries.cleanup import summarize_cleanup

ACCESSES_SHOWN: Final = 100


def operator(session: Session) -> Actor:
    """Return the installation acting in the organization of a session."""
    return system_actor(session.organization)


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin):
    """Sessions with bundles, devices and the newest accesses; revoked, or purged before their time."""

    list_display = (
        "public_id", "label", "organization", "project", "platform", "access", "status", "next_status",
        "revision", "uses", "max_devices", "created_at", "expires_at", "ended_at",
    )  # fmt: skip
    list_filter = ("status", "next_status", "platform", "access")
    search_fields = ("public_id", "label", "organization__slug", "project__name")
    list_select_related = ("organization", "project")
    ordering = ("-created_at", "pk")
    exclude = ("upload_token",)
    readonly_fields = ("bundles_sent", "devices_bound", "newest_accesses")
    actions = ["revoke", "purge_now"]

    @admin.display(description="bundles")
    def bundles_sent(self, row: Session) -> SafeString:
        """Return every upload and what became of it."""
        names = ("revision", "status", "size_bytes", "expanded_bytes", "entries", "sha256", "error_code")
        return _table(names, row.bundles.order_by("revision").values_list(*names))

    @admin.display(description="devices")
    def devices_bound(self, row: Session) -> SafeString:
        """Return the devices that hold or held a slot."""
        names = ("label", "created_at", "last_seen_at", "ended_at")
        return _table(names, row.devices.order_by("created_at", "pk").values_list(*names))

    @admin.display(description=f"accesses (newest {ACCESSES_SHOWN})")
    def newest_accesses(self, row: Session) -> SafeString:
        """Return the newest lines of the access log."""
        names = ("at", "kind", "network", "agent", "bytes")
        return _table(names, row.accesses.order_by("-at", "-pk").values_list(*names)[:ACCESSES_SHOWN])

    @admin.action(description="Revoke")
    def revoke(self, request: HttpRequest, rows: QuerySet[Session]) -> None:
        """End the chosen sessions."""
        self.each(request, rows, lambda row: services.revoke_session(actor=operator(row), session=row))

    @admin.action(
        description="Purge now: delete the bundle at once; asks for a sign-in of the last 15 minutes"
    )
    def purge_now(self, request: HttpRequest, rows: QuerySet[Session]) -> None:
        """Take the chosen sessions through all stages."""
        try:
            require_recent_authentication(page_credentials(request) or Credentials())
        except DomainError as error:
            self.message_user(request, f"{error.detail} Sign in again.", messages.ERROR)
            return
        self.each(request, rows, lambda row: services.purge_session(actor=operator(row), session=row))


@admin.register(CleanupEvent)
class ReceiptAdmin(ReadOnlyAdmin):
    """What was done to which session, and of purged ones the receipt."""

    list_display = ("at", "stage", "session", "organization", "detail")
    list_filter = ("stage",)
    search_fields = ("session__public_id", "organization__slug")
    list_select_related = ("session", "organization")
    ordering = ("-at", "pk")


@admin.register(CleanupRun)
class CleanupRunAdmin(ReadOnlyAdmin):
    """Runs of clean-up, and the page that shows the last day, tries a run, and starts one."""

    list_display = ("at", "dry_run", "failed", "report")
    list_filter = ("dry_run",)
    ordering = ("-at", "pk")
    change_list_template = "admin/previews/cleanuprun/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        """Add the page of clean-up."""
        view = self.admin_site.admin_view(self.cleanup)
        return [path("cleanup/", view, name="previews_cleanup"), *super().get_urls()]

    def cleanup(self, request: HttpRequest) -> HttpResponse:
        """Show what clean-up did within a day and would do now; a form starts a run."""
        if request.method == "POST":
            report = services.run_cleanup()
            text = f"Done: {len(report.items)} items, {len(report.failed)} failed."
            self.message_user(request, "Another run is going on." if report.is_skipped else text)
            return HttpResponseRedirect(reverse("admin:previews_cleanup"))
        context = {
            "title": "Clean-up of previews",
            "summary": summarize_cleanup(timezone.now()),
            "dry_run": services.run_cleanup(dry_run=True).by_work(),
            "opts": self.opts,
        } | self.admin_site.each_context(request)
        return TemplateResponse(request, "admin/previews/cleanuprun/cleanup.html", context)


def _table(names: tuple[str, ...], rows: Any) -> SafeString:
    """Return rows as an HTML table, everything in them escaped."""
    head = format_html_join("", "<th>{}</th>", ((name,) for name in names))
    lines = ((format_html_join("", "<td>{}</td>", ((value,) for value in row)),) for row in rows)
    return format_html("<table><tr>{}</tr>{}</table>", head, format_html_join("", "<tr>{}</tr>", lines))
