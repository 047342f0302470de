"""Routing of `/api/v1/preview`."""

from django.urls import path

from apps.common.viewsets import ApiRouter
from apps.previews.api.doors import PreviewDoorViewSet, PreviewDownloadViewSet
from apps.previews.api.sessions import PreviewAccessViewSet, PreviewDeviceViewSet, PreviewSessionViewSet

SESSION_ROUTE = r"preview/sessions/(?P<session_pk>[^/.]+)"

router = ApiRouter()
router.register("preview/sessions", PreviewSessionViewSet, basename="preview-session")
router.register(rf"{SESSION_ROUTE}/devices", PreviewDeviceViewSet, basename="preview-device")
router.register(rf"{SESSION_ROUTE}/accesses", PreviewAccessViewSet, basename="preview-access")
router.register("preview", PreviewDoorViewSet, basename="preview")

urlpatterns = [
    path(
        "preview/download/<str:grant>",
        PreviewDownloadViewSet.as_view({"get": "download"}),
        name="preview-download",
    ),
    *router.urls,
]
