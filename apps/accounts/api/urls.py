"""The addresses of the API of accounts."""

from django.urls import path

from apps.accounts.api.audit import AuditViewSet
from apps.accounts.api.job_views import JobViewSet
from apps.accounts.api.live import LiveViewSet
from apps.accounts.api.notifications import NotificationViewSet
from apps.accounts.api.views import (
    ApiKeyViewSet,
    MeViewSet,
    OrganizationViewSet,
    SignInViewSet,
    SignOutViewSet,
)
from apps.common.viewsets import ApiRouter

router = ApiRouter()
router.register("live", LiveViewSet, basename="live")
router.register("auth", SignInViewSet, basename="auth")
router.register("auth", SignOutViewSet, basename="auth-session")
router.register("organizations", OrganizationViewSet, basename="organization")
router.register("audit", AuditViewSet, basename="audit")
router.register("api-keys", ApiKeyViewSet, basename="api-key")
router.register("notifications", NotificationViewSet, basename="notification")
router.register("jobs", JobViewSet, basename="job")

urlpatterns = [path("me", MeViewSet.as_view({"get": "retrieve"}), name="me"), *router.urls]
