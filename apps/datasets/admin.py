"""What operators see and do of datasets; events are never listed. Each action is one service call."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.accounts.permissions import Actor, system_actor
from apps.common.admin import ReadOnlyAdmin
from apps.datasets import profile_services, services, source_services, upkeep_services, upload_services
from apps.datasets.models import Dataset, Import, Profile, Reject, Segment, Source, Upkeep, Upload, Version

REJECTS_SHOWN = 50


def operator(dataset: Dataset) -> Actor:
    """Return the installation acting in the organization of a dataset."""
    return system_actor(dataset.organization)


@admin.register(Dataset)
class DatasetAdmin(ReadOnlyAdmin):
    """Datasets with their size; those deleted too, until their data is gone."""

    list_display = ("name", "organization", "status", "events", "stored_bytes", "created_at", "deleted_at")
    list_filter = ("status",)
    search_fields = ("name", "organization__slug")
    list_select_related = ("organization", "current_version")
    ordering = ("-created_at", "pk")
    actions = ["delete_chosen"]

    @admin.display(description="events")
    def events(self, row: Dataset) -> int:
        """Return the number of events of the current version."""
        return row.current_version.event_count if row.current_version else 0

    @admin.display(description="bytes of parts")
    def stored_bytes(self, row: Dataset) -> int:
        """Return the bytes of all parts."""
        return sum(row.segments.values_list("bytes", flat=True))

    @admin.action(description="Delete: hide now, drop the data by the clock")
    def delete_chosen(self, request: HttpRequest, rows: QuerySet[Dataset]) -> None:
        """Delete the chosen datasets."""
        living = rows.filter(deleted_at__isnull=True)
        self.each(request, living, lambda row: services.delete_dataset(actor=operator(row), dataset=row))


@admin.register(Import)
class ImportAdmin(ReadOnlyAdmin):
    """Imports with files, evidence and trace."""

    list_display = (
        "no", "dataset", "status", "stage", "progress", "outcome", "rows_read", "accepted", "rejected",
        "duplicates", "error_code", "created_at",
    )  # fmt: skip
    organization_path = "dataset.organization"
    list_filter = ("status", "outcome", "mode")
    search_fields = ("dataset__name", "error_code")
    list_select_related = ("dataset",)
    ordering = ("-created_at", "pk")
    readonly_fields = ("files_read", "first_rejects")
    actions = ["cancel", "retry"]

    @admin.display(description="files")
    def files_read(self, row: Import) -> SafeString:
        """Return the files with their four counts."""
        names = ("name", "bytes", "rows_read", "accepted", "rejected", "duplicates", "state")
        return _table(names, row.files.order_by("file_no").values_list(*names))

    @admin.display(description=f"first {REJECTS_SHOWN} rejects")
    def first_rejects(self, row: Import) -> SafeString:
        """Return the beginning of the evidence."""
        names = ("seq", "kind", "file_no", "line", "column_name", "code", "detail")
        rejects = Reject.objects.filter(dataset_no=row.dataset.no, import_no=row.no).order_by("seq")
        return _table(names, rejects.values_list(*names)[:REJECTS_SHOWN])

    @admin.action(description="Cancel")
    def cancel(self, request: HttpRequest, rows: QuerySet[Import]) -> None:
        """Cancel the chosen imports."""
        self.each(request, rows, lambda row: services.cancel_import(actor=operator(row.dataset), row=row))

    @admin.action(description="Retry")
    def retry(self, request: HttpRequest, rows: QuerySet[Import]) -> None:
        """Queue the chosen imports again."""
        self.each(request, rows, lambda row: services.retry_import(actor=operator(row.dataset), row=row))


@admin.register(Upload)
class UploadAdmin(ReadOnlyAdmin):
    """Resumable uploads; expired before their time."""

    list_display = (
        "__str__",
        "organization",
        "owner",
        "state",
        "offset",
        "length",
        "expires_at",
        "created_at",
    )
    list_filter = ("state",)
    search_fields = ("name", "organization__slug", "owner__email")
    list_select_related = ("organization", "owner")
    exclude = ("storage_name",)
    ordering = ("-created_at", "pk")
    actions = ["expire"]

    @admin.action(description="Expire: delete the file now")
    def expire(self, request: HttpRequest, rows: QuerySet[Upload]) -> None:
        """Expire the chosen uploads."""
        self.each(
            request,
            rows,
            lambda row: upload_services.expire_upload(actor=system_actor(row.organization), upload=row),
        )


@admin.register(Source)
class SourceAdmin(ReadOnlyAdmin):
    """Sources with what became of their months; run as their schedule would."""

    organization_path = "dataset.organization"
    list_display = ("template", "dataset", "kind", "schedule", "enabled", "last_run_at", "next_run_at")
    list_filter = ("kind", "enabled")
    search_fields = ("template", "dataset__name")
    list_select_related = ("dataset",)
    ordering = ("-created_at", "pk")
    readonly_fields = ("months_seen",)
    actions = ["run_now"]

    @admin.display(description="months")
    def months_seen(self, row: Source) -> SafeString:
        """Return the months, the newest first."""
        names = ("month", "state", "error_code", "missing_since", "changed_at")
        return _table(names, row.months.order_by("-month").values_list(*names))

    @admin.action(description="Run now: the last month, and those that are missing or failed")
    def run_now(self, request: HttpRequest, rows: QuerySet[Source]) -> None:
        """Run the chosen sources."""
        self.each(
            request,
            rows,
            lambda row: source_services.run_now(actor=operator(row.dataset), source=row, now=timezone.now()),
        )


@admin.register(Version)
class VersionAdmin(ReadOnlyAdmin):
    """Versions; restored as a new one, or dropped before their time."""

    organization_path = "dataset.organization"
    list_display = ("dataset", "number", "event_count", "published_at", "dropped_at")
    search_fields = ("dataset__name",)
    list_select_related = ("dataset",)
    ordering = ("-published_at", "pk")
    actions = ["restore", "drop_now"]

    @admin.action(description="Restore as a new version")
    def restore(self, request: HttpRequest, rows: QuerySet[Version]) -> None:
        """Restore the chosen versions."""
        self.each(
            request,
            rows,
            lambda row: services.restore_version(actor=operator(row.dataset), version=row),
        )

    @admin.action(description="Drop now: the clock removes what no other version lists")
    def drop_now(self, request: HttpRequest, rows: QuerySet[Version]) -> None:
        """Drop the chosen versions."""
        self.each(request, rows, lambda row: services.drop_version(actor=operator(row.dataset), version=row))


@admin.register(Segment)
class SegmentAdmin(ReadOnlyAdmin):
    """Segments: where rows lie."""

    organization_path = "dataset.organization"
    list_display = ("no", "dataset", "slab", "partition_key", "rows", "bytes", "state", "rollups")
    list_filter = ("state",)
    search_fields = ("dataset__name", "partition_key")
    list_select_related = ("dataset",)
    exclude = ("sketch",)
    ordering = ("-no",)
    actions = ["rebuild"]

    @admin.action(description="Build the rollups anew")
    def rebuild(self, request: HttpRequest, rows: QuerySet[Segment]) -> None:
        """Queue the building of the rollups of the chosen segments."""
        self.each(
            request,
            rows,
            lambda row: upkeep_services.rebuild_rollups(actor=operator(row.dataset), segment=row),
        )


@admin.register(Upkeep)
class UpkeepAdmin(ReadOnlyAdmin):
    """Jobs on storage: rollups, drops, new cells."""

    organization_path = "dataset.organization"
    list_display = ("kind", "dataset", "segment", "status", "stage", "progress", "error_code", "created_at")
    list_filter = ("kind", "status")
    search_fields = ("dataset__name",)
    list_select_related = ("dataset", "segment")
    ordering = ("-created_at", "pk")


@admin.register(Profile)
class ProfileAdmin(ReadOnlyAdmin):
    """Profiles: how files of one kind are read."""

    list_display = ("name", "organization", "created_by", "updated_at")
    search_fields = ("name", "organization__slug")
    list_select_related = ("organization", "created_by")
    ordering = ("name", "pk")
    actions = ["delete_chosen"]

    @admin.action(description="Delete; imports read by it keep their mapping")
    def delete_chosen(self, request: HttpRequest, rows: QuerySet[Profile]) -> None:
        """Delete the chosen profiles."""
        self.each(
            request,
            rows.select_related("organization"),
            lambda row: profile_services.delete_profile(actor=system_actor(row.organization), profile=row),
        )


def _table(names: tuple[str, ...], rows: Any) -> SafeString:
    """Return rows as an HTML table, everything in them escaped."""
    head = format_html_join("", "<th>{}</th>", ((name,) for name in names))
    lines = ((format_html_join("", "<td>{}</td>", ((value,) for value in row)),) for row in rows)
    return format_html("<table><tr>{}</tr>{}</table>", head, format_html_join("", "<tr>{}</tr>", lines))
