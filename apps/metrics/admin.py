"""What operators see and do of metrics; points are never listed. Each action is one service call."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone

from apps.accounts.models import Organization
from apps.accounts.permissions import Actor, system_actor
from apps.common.admin import ReadOnlyAdmin
from apps.metrics import services
from apps.metrics.models import Metric, Policy, Shard
from apps.metrics.queries.operations import door_traffic, partition_sizes

FINDINGS_SHOWN = 20


def operator_of(shard: Shard) -> Actor:
    """Return the installation acting in the organization of a shard."""
    return system_actor(Organization.objects.get(pk=shard.organization_id))


@admin.register(Metric)
class MetricAdmin(ReadOnlyAdmin):
    """Metrics of all organizations, deleted ones too."""

    list_display = ("key", "organization", "type", "unit", "door", "created_at", "deleted_at")
    list_filter = ("type", "door")
    search_fields = ("key", "organization__slug")
    list_select_related = ("organization",)
    ordering = ("-created_at", "pk")
    actions = ("rebuild", "verify")

    @admin.action(description="Rebuild: compute rollups anew from points")
    def rebuild(self, request: HttpRequest, rows: QuerySet[Metric]) -> None:
        """Rebuild the rollups of the chosen metrics."""

        def act(row: Metric) -> None:
            differed = services.rebuild_metric(actor=system_actor(row.organization), metric=row)
            self.message_user(request, f"{row}: {differed} rollups were wrong.")

        self.each(request, rows.select_related("organization"), act)

    @admin.action(description="Verify: compare what is stored with itself")
    def verify(self, request: HttpRequest, rows: QuerySet[Metric]) -> None:
        """Verify the chosen metrics."""

        def act(row: Metric) -> None:
            lines = services.verify_metric(actor=system_actor(row.organization), metric=row)
            for line in lines[:FINDINGS_SHOWN]:
                self.message_user(request, line, messages.WARNING)
            if not lines:
                self.message_user(request, f"{row}: all agrees.")

        self.each(request, rows.select_related("organization"), act)


@admin.register(Shard)
class ShardAdmin(ReadOnlyAdmin):
    """Shards with what waits in them, and the pages of partitions and doors."""

    list_display = (
        "shard_id", "organization", "lane", "pending_points", "lag", "lease_until", "compacted_at", "epoch",
    )  # fmt: skip
    ordering = ("-pending_points", "pk")
    actions = ("compact_now", "release_lease")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Shard]:
        """Add the short name of the organization, which a shard has no reference to."""
        owner = Organization.objects.filter(pk=OuterRef("organization_id"))
        rows: QuerySet[Shard] = super().get_queryset(request)
        return rows.annotate(slug=Subquery(owner.values("slug")))

    def organization_of(self, row: Any) -> Organization | None:
        """Return whose shard it is, None once that is gone."""
        return Organization.objects.filter(pk=row.organization_id).first()

    @admin.display(description="organization", ordering="slug")
    def organization(self, row: Any) -> str:
        """Return the short name of the organization."""
        return row.slug or "gone"

    @admin.display(description="lag", ordering="pending_since")
    def lag(self, row: Shard) -> str:
        """Return since when the oldest points wait, as of the last look of the clock."""
        if row.pending_since is None:
            return "none"
        return f"{(timezone.now() - row.pending_since).total_seconds():.0f} s"

    @admin.action(description="Compact now: here, without a worker")
    def compact_now(self, request: HttpRequest, rows: QuerySet[Shard]) -> None:
        """Compact the chosen shards."""
        self.each(request, rows, lambda row: services.compact_now(actor=operator_of(row), shard=row))

    @admin.action(description="Release the lease: of a compactor that hangs")
    def release_lease(self, request: HttpRequest, rows: QuerySet[Shard]) -> None:
        """Release the leases of the chosen shards."""
        self.each(request, rows, lambda row: services.release_lease(actor=operator_of(row), shard=row))

    def get_urls(self) -> list[URLPattern]:
        """Add the pages that are about no single shard."""
        view = self.admin_site.admin_view
        own = [
            path("partitions/", view(self.partitions), name="metrics_shard_partitions"),
            path("doors/", view(self.doors), name="metrics_shard_doors"),
        ]
        return [*own, *super().get_urls()]

    def partitions(self, request: HttpRequest) -> HttpResponse:
        """Show the size of each partition."""
        head = ("Partition", "Size", "Rows, about")
        rows = [(each.name, filesizeformat(each.size_bytes), each.rows) for each in partition_sizes()]
        return self._table(request, "Partitions", head, rows)

    def doors(self, request: HttpRequest) -> HttpResponse:
        """Show what each door has taken and refused since the processes of this machine started."""
        rows = [
            (each.door, each.accepted, ", ".join(f"{code}: {count}" for code, count in each.refused))
            for each in door_traffic()
        ]
        return self._table(request, "Doors", ("Door", "Points accepted", "Refused"), rows)

    def _table(
        self, request: HttpRequest, title: str, head: tuple[str, ...], rows: list[tuple[Any, ...]]
    ) -> HttpResponse:
        context = {"title": title, "head": head, "rows": rows, "opts": self.opts}
        context |= self.admin_site.each_context(request)
        return TemplateResponse(request, "admin/metrics/shard/table.html", context)


@admin.register(Policy)
class PolicyAdmin(ReadOnlyAdmin):
    """Policies of the organizations."""

    list_display = ("organization", "raw_days", "rollup_15m_days", "rollup_1h_days", "max_metrics", "lanes")
    search_fields = ("organization__slug",)
    list_select_related = ("organization",)
    ordering = ("organization__slug", "pk")
