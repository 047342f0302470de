"""The addresses of the API of datasets."""

from django.urls import re_path

from apps.common.viewsets import ApiRouter
from apps.datasets.api.events import EventViewSet
from apps.datasets.api.evidence import RejectViewSet
from apps.datasets.api.profiles import ProfileViewSet
from apps.datasets.api.sources import SourceViewSet
from apps.datasets.api.summaries import SummaryViewSet
from apps.datasets.api.uploads import UploadViewSet
from apps.datasets.api.views import DatasetImportViewSet, DatasetViewSet, ImportViewSet, VersionViewSet

router = ApiRouter()
# Before the datasets, of which one might else be called `uploads`.
router.register("datasets/uploads", UploadViewSet, basename="upload")
router.register("datasets", DatasetViewSet, basename="dataset")
router.register(r"datasets/(?P<dataset_id>[^/.]+)/events", EventViewSet, basename="event")
router.register(r"datasets/(?P<dataset_id>[^/.]+)/imports", DatasetImportViewSet, basename="dataset-import")
router.register(r"datasets/(?P<dataset_id>[^/.]+)/versions", VersionViewSet, basename="version")
router.register("sources", SourceViewSet, basename="source")
router.register("imports", ImportViewSet, basename="import")
router.register(r"imports/(?P<import_id>[^/.]+)/rejects", RejectViewSet, basename="reject")
router.register("profiles", ProfileViewSet, basename="profile")

summary = SummaryViewSet.as_view({"get": "summary"})
urlpatterns = [
    re_path(r"^datasets/(?P<pk>[^/.]+)/summary$", summary, name="dataset-summary"),
    *router.urls,
]
