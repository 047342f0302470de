"""What operators see and do of signals; raw and mart rows are never listed. An action is one service call."""

from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.accounts.models import Organization
from apps.accounts.permissions import Actor, system_actor
from apps.common.admin import ReadOnlyAdmin
from apps.common.errors import DomainError, Invalid
from apps.signals import services
from apps.signals.models import (
    DbtBuild,
    Graph,
    Hydration,
    MetricPolicy,
    Policy,
    RoleType,
    Run,
    Signal,
)
from apps.signals.services.graphs import check_changes
from apps.signals.states import HydrationTrigger

SHOWN: Final = 100


def operator(row: Any) -> Actor:
    """Return the installation acting in the organization of a row."""
    return system_actor(row.organization)


class GraphForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in its stubs only
    """What can be changed of a graph."""

    class Meta:
        model = Graph
        fields = ("root", "retention_runs", "auto_pipeline")

    def clean(self) -> dict[str, Any]:
        """Require what the service would."""
        values = super().clean() or {}
        try:
            check_changes(values)
        except Invalid as error:
            raise ValidationError(error.explain()) from error
        return values


@admin.register(Graph)
class GraphAdmin(ReadOnlyAdmin):
    """Graphs: where they lie, how long runs stay; and the page of folders that belong to nobody."""

    form = GraphForm
    fields = ("root", "retention_runs", "auto_pipeline")
    list_display = (
        "name", "organization", "root", "retention_runs", "auto_pipeline", "current_run", "created_at",
    )  # fmt: skip
    search_fields = ("name", "root", "organization__slug")
    list_select_related = ("organization", "current_run")
    ordering = ("organization__slug", "name", "pk")
    change_list_template = "admin/signals/graph/change_list.html"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let staff edit."""
        return bool(request.user.is_staff)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Change the graph by its service."""
        row = Graph.objects.select_related("organization").get(pk=obj.pk)
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        services.update_graph(actor=operator(row), graph=row, **changes)

    def get_urls(self) -> list[URLPattern]:
        """Add the page of what belongs to nobody."""
        view = self.admin_site.admin_view(self.unclaimed)
        return [path("unclaimed/", view, name="signals_graph_unclaimed"), *super().get_urls()]

    def unclaimed(self, request: HttpRequest) -> HttpResponse:
        """Show the folders that belong to nobody; a form gives one to an organization."""
        owners = Organization.objects.living().order_by("slug")
        if request.method == "POST":
            self._claim(request, owners)
            return HttpResponseRedirect(reverse("admin:signals_graph_unclaimed"))
        context = {
            "title": "Unclaimed folders of runs",
            "roots": services.unclaimed_roots(),
            "owners": owners,
            "opts": self.opts,
        } | self.admin_site.each_context(request)
        return TemplateResponse(request, "admin/signals/graph/unclaimed.html", context)

    def _claim(self, request: HttpRequest, owners: QuerySet[Organization]) -> None:
        owner = owners.filter(slug=request.POST.get("organization", "")).first()
        if owner is None:
            self.message_user(request, "There is no such organization.", messages.ERROR)
            return
        try:
            graph = services.claim_graph(actor=system_actor(owner), root=request.POST.get("root", ""))
        except DomainError as error:
            self.message_user(request, error.detail, messages.ERROR)
        else:
            self.message_user(request, f"{graph} belongs to {owner.slug} now.", messages.SUCCESS)


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    """Runs with their findings; stages are started here, or a hydration tried without effect."""

    list_display = (
        "run_id", "revision", "graph", "organization", "status", "started_at", "data_period", "entity_count",
        "warning_count", "error_code", "superseded_at",
    )  # fmt: skip
    list_filter = ("status",)
    search_fields = ("run_id", "graph__name", "organization__slug", "error_code")
    list_select_related = ("graph", "organization")
    ordering = ("-started_at", "-run_id", "-revision")
    readonly_fields = ("findings_noted", "files_found")
    actions = ("load", "build", "hydrate", "dry_run", "bring_on", "prune")

    @admin.display(description=f"findings (first {SHOWN})")
    def findings_noted(self, row: Run) -> SafeString:
        """Return what the gate, the load, dbt and hydration noticed, errors first."""
        names = ("severity", "code", "message", "file", "line", "count")
        return _table(names, row.findings.order_by("severity", "code", "pk").values_list(*names)[:SHOWN])

    @admin.display(description=f"files (first {SHOWN})")
    def files_found(self, row: Run) -> SafeString:
        """Return the files with their sizes."""
        names = ("path", "role", "bytes", "lines", "sha256")
        return _table(names, row.files.order_by("path").values_list(*names)[:SHOWN])

    @admin.action(description="Load: files into the raw tables")
    def load(self, request: HttpRequest, rows: QuerySet[Run]) -> None:
        """Start the load of the chosen runs."""
        self.each(request, rows, lambda row: services.start_load(actor=operator(row), run=row))

    @admin.action(description="Build: raw rows into marts, by dbt")
    def build(self, request: HttpRequest, rows: QuerySet[Run]) -> None:
        """Start a build of the chosen runs; they join one."""
        self.each(request, rows, lambda row: services.start_build(actor=operator(row), runs=[row]))

    @admin.action(description="Hydrate: marts into signals")
    def hydrate(self, request: HttpRequest, rows: QuerySet[Run]) -> None:
        """Start the hydration of the chosen runs."""
        self._hydrate(request, rows, dry_run=False)

    @admin.action(description="Dry run: what a hydration would change")
    def dry_run(self, request: HttpRequest, rows: QuerySet[Run]) -> None:
        """Start hydrations of the chosen runs that change nothing."""
        self._hydrate(request, rows, dry_run=True)

    @admin.action(description="Pipeline: from where the run stands to signals")
    def bring_on(self, request: HttpRequest, rows: QuerySet[Run]) -> None:
        """Start whatever the chosen runs lack."""
        self.each(request, rows, lambda row: services.start_pipeline(actor=operator(row), run=row))

    @admin.action(description="Prune: drop raw and mart rows, keep what was observed")
    def prune(self, request: HttpRequest, rows: QuerySet[Run]) -> None:
        """Prune the chosen runs."""
        self.each(request, rows, lambda row: services.prune_run(actor=operator(row), run=row))

    def _hydrate(self, request: HttpRequest, rows: QuerySet[Run], *, dry_run: bool) -> None:
        self.each(
            request,
            rows,
            lambda row: services.start_hydration(
                actor=operator(row), run=row, dry_run=dry_run, trigger=HydrationTrigger.API
            ),
        )


@admin.register(DbtBuild)
class BuildAdmin(ReadOnlyAdmin):
    """Builds with what became of each node, and the end of their log."""

    list_display = (
        "created_at", "organization", "status", "stage", "progress", "node_count", "exit_code", "error_code",
        "finished_at",
    )  # fmt: skip
    list_filter = ("status",)
    search_fields = ("organization__slug", "error_code")
    list_select_related = ("organization",)
    ordering = ("-created_at", "pk")
    exclude = ("log_tail",)
    readonly_fields = ("results_of_nodes", "end_of_log")

    @admin.display(description="results")
    def results_of_nodes(self, row: DbtBuild) -> SafeString:
        """Return what became of each node, what did not pass first."""
        names = ("unique_id", "resource_type", "status", "execution_s", "failures", "message")
        return _table(names, row.results.order_by("status", "unique_id").values_list(*names))

    @admin.display(description="end of the log")
    def end_of_log(self, row: DbtBuild) -> SafeString:
        """Return the last lines of the log."""
        return format_html("<pre>{}</pre>", row.log_tail)


@admin.register(Hydration)
class HydrationAdmin(ReadOnlyAdmin):
    """Hydrations with counters and diff."""

    list_display = (
        "created_at", "graph", "run", "organization", "trigger", "dry_run", "status", "incoming", "created",
        "changed", "unchanged", "vanished", "returned", "error_code",
    )  # fmt: skip
    list_filter = ("status", "trigger", "dry_run")
    search_fields = ("graph__name", "run__run_id", "organization__slug", "error_code")
    list_select_related = ("graph", "run", "organization")
    ordering = ("-created_at", "pk")
    readonly_fields = ("differences",)

    @admin.display(description=f"diff (first {SHOWN})")
    def differences(self, row: Hydration) -> SafeString:
        """Return what it did, or would do, by kind."""
        names = ("kind", "signal_key", "before", "after")
        return _table(names, row.diff.order_by("kind", "pk").values_list(*names)[:SHOWN])


@admin.register(Signal)
class SignalAdmin(ReadOnlyAdmin):
    """Signals with what was observed of each."""

    list_display = (
        "description", "organization", "graph", "signal_type", "severity", "facility_id", "last_changed_at",
        "absent_since_run",
    )  # fmt: skip
    list_filter = ("signal_type", "domain")
    search_fields = ("facility_id", "facility_name", "node_id", "organization__slug")
    list_select_related = ("organization", "graph", "absent_since_run")
    ordering = ("-severity", "pk")
    exclude = ("content_hash",)
    readonly_fields = ("history",)

    @admin.display(description=f"history (newest {SHOWN})")
    def history(self, row: Signal) -> SafeString:
        """Return what each run said, the newest first."""
        names = ("run__run_id", "signal_type", "severity", "metric_value", "reported_type", "data_period")
        rows = row.observations.order_by("-run__started_at", "-pk").values_list(*names)
        return _table(names, rows[:SHOWN])


@admin.register(Policy)
class PolicyAdmin(ReadOnlyAdmin):
    """What organizations decide of their signals."""

    list_display = ("organization", "vanish_guard", "event_delta", "auto_resolve_absent_runs", "relapse")
    search_fields = ("organization__slug",)
    list_select_related = ("organization",)
    ordering = ("organization__slug", "pk")


@admin.register(RoleType)
class RoleTypeAdmin(ReadOnlyAdmin):
    """The hats under which people take signals."""

    list_display = ("code", "label", "organization", "active")
    list_filter = ("active",)
    search_fields = ("code", "organization__slug")
    list_select_related = ("organization",)
    ordering = ("organization__slug", "code", "pk")


@admin.register(MetricPolicy)
class MetricPolicyAdmin(ReadOnlyAdmin):
    """What organizations say of metrics."""

    list_display = ("metric_id", "organization", "polarity", "domain", "display_name")
    list_filter = ("polarity",)
    search_fields = ("metric_id", "organization__slug")
    list_select_related = ("organization",)
    ordering = ("organization__slug", "metric_id", "pk")


def _table(names: tuple[str, ...], rows: Any) -> SafeString:
    """Return rows as an HTML table, everything in them escaped."""
    head = format_html_join("", "<th>{}</th>", ((name,) for name in names))
    lines = ((format_html_join("", "<td>{}</td>", ((value,) for value in row)),) for row in rows)
    return format_html("<table><tr>{}</tr>{}</table>", head, format_html_join("", "<tr>{}</tr>", lines))
