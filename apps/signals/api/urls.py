"""Routing of `/api/v1/signals`."""

from django.urls import URLPattern, URLResolver, path

from apps.common.viewsets import ApiRouter
from apps.signals.api.assignees import AssigneeViewSet
from apps.signals.api.comments import CommentViewSet, SignalCommentViewSet
from apps.signals.api.feed import ActivityViewSet, FeedViewSet
from apps.signals.api.metadata import DbtModelViewSet, MetadataViewSet
from apps.signals.api.parts import ChildViewSet, HistoryViewSet, SignalPartViewSet
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
