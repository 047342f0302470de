"""Routing of `/api/v1/signals`."""

from django.urls import URLPattern, URLResolver, path, re_path

from apps.common.viewsets import ApiRouter
from apps.signals.api.assignees import AssigneeViewSet
from apps.signals.api.comments import CommentViewSet, SignalCommentViewSet
from apps.signals.api.feed import ActivityViewSet, FeedViewSet
from apps.signals.api.hydrations import HydrationDiffViewSet, HydrationViewSet
from apps.signals.api.metadata import DbtModelViewSet, MetadataViewSet
from apps.signals.api.modeling import ModelingViewSet, SignalMetricViewSet
from apps.signals.api.narratives import NarrativeViewSet
from apps.signals.api.parts import ChildViewSet, HistoryViewSet, SignalPartViewSet
from apps.signals.api.run_parts import RunBuildViewSet, RunFileViewSet, RunFindingViewSet
from apps.signals.api.runs import GraphViewSet, RunViewSet
from apps.signals.api.triage import AssignmentViewSet, TriageViewSet
from apps.signals.api.views import SignalViewSet

SIGNAL = r"signals/(?P<signal_id>[^/.]+)"

urlpatterns: list[URLPattern | URLResolver] = []

models = ApiRouter()
models.register("signals/metadata/models", DbtModelViewSet, basename="dbt-model")
urlpatterns += [
    *models.urls,
    path(
        "signals/metadata/summary",
        MetadataViewSet.as_view({"get": "summary"}),
        name="signals-metadata-summary",
    ),
    path("signals/metadata/bundle", MetadataViewSet.as_view({"get": "bundle"}), name="signals-bundle"),
    path(
        "signals/metadata/run-manifest",
        MetadataViewSet.as_view({"get": "run_manifest"}),
        name="signals-run-manifest",
    ),
    path(
        "signals/metadata/artifacts/<str:kind>",
        MetadataViewSet.as_view({"get": "artifact"}),
        name="signals-dbt-artifact",
    ),
    path(
        "signals/metadata/refresh",
        MetadataViewSet.as_view({"post": "refresh"}),
        name="signals-metadata-refresh",
    ),
]

# Fixed words come first: else they would be looked for among the signals.
RUN = r"signals/runs/(?P<run_pk>[^/.]+)"
NARRATIVE = r"^signals/narratives/(?P<facility_id>[^/\0]+)"

runs = ApiRouter()
runs.register("signals/graphs", GraphViewSet, basename="signal-graph")
runs.register("signals/runs", RunViewSet, basename="signals-run")
runs.register(f"{RUN}/files", RunFileViewSet, basename="run-file")
runs.register(f"{RUN}/findings", RunFindingViewSet, basename="run-finding")
runs.register(f"{RUN}/builds", RunBuildViewSet, basename="run-build")
runs.register("signals/hydrations", HydrationViewSet, basename="hydration")
runs.register(
    r"signals/hydrations/(?P<hydration_pk>[^/.]+)/diff", HydrationDiffViewSet, basename="hydration-diff"
)

urlpatterns += [
    *runs.urls,
    path("signals/narratives", NarrativeViewSet.as_view({"get": "narratives"}), name="signals-narratives"),
    re_path(f"{NARRATIVE}$", NarrativeViewSet.as_view({"get": "narrative"}), name="signals-narrative"),
    re_path(
        f"{NARRATIVE}/summary$",
        NarrativeViewSet.as_view({"get": "summary"}),
        name="signals-narrative-summary",
    ),
    path("signals/metrics", SignalMetricViewSet.as_view({"get": "metrics"}), name="signals-metrics"),
    re_path(
        r"^signals/metrics/(?P<metric_id>[^/\0]+)$",
        SignalMetricViewSet.as_view({"get": "metric"}),
        name="signals-metric",
    ),
    path("signals/modeling/summary", ModelingViewSet.as_view({"get": "summary"}), name="modeling-summary"),
    path(
        "signals/modeling/experiments",
        ModelingViewSet.as_view({"get": "experiments"}),
        name="modeling-experiments",
    ),
    path("signals/modeling/drivers", ModelingViewSet.as_view({"get": "drivers"}), name="modeling-drivers"),
]

triage = ApiRouter()
triage.register("signals/assignees", AssigneeViewSet, basename="signal-assignee")
triage.register("signals/comments", CommentViewSet, basename="comment")
triage.register("signals/feed", FeedViewSet, basename="signal-feed")
triage.register(f"{SIGNAL}/activity", ActivityViewSet, basename="signal-activity")
triage.register(f"{SIGNAL}/assignments", AssignmentViewSet, basename="signal-assignment")
triage.register(f"{SIGNAL}/comments", SignalCommentViewSet, basename="signal-comment")
triage.register("signals", TriageViewSet, basename="triage")
urlpatterns += triage.urls

signals = ApiRouter()
signals.register(f"{SIGNAL}/children", ChildViewSet, basename="signal-child")
signals.register(f"{SIGNAL}/history", HistoryViewSet, basename="signal-history")
signals.register("signals", SignalPartViewSet, basename="signal-part")
signals.register("signals", SignalViewSet, basename="signal")
urlpatterns += signals.urls
