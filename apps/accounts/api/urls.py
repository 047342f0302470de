"""The addresses of the API of accounts."""

from django.urls import path

from apps.accounts.api.audit import AuditViewSet
from apps.accounts.api.auth_views import OwnSessionViewSet, SessionViewSet, SignInViewSet
from apps.accounts.api.job_views import JobViewSet
from apps.accounts.api.live import LiveViewSet
from apps.accounts.api.notifications import NotificationViewSet
from apps.accounts.api.organizations import (
    AcceptanceViewSet,
    InvitationViewSet,
    MemberViewSet,
    MeViewSet,
    OrganizationInvitationViewSet,
    OrganizationViewSet,
    PermissionsViewSet,
)
from apps.accounts.api.registration_views import RegistrationViewSet
from apps.accounts.api.views import ApiKeyViewSet
from apps.common.viewsets import ApiRouter

IN_ORGANIZATION = r"organizations/(?P<organization_id>[^/.]+)"

router = ApiRouter()
router.register("live", LiveViewSet, basename="live")
router.register("auth", SignInViewSet, basename="auth")
router.register("auth", RegistrationViewSet, basename="auth-registration")
router.register("auth", OwnSessionViewSet, basename="auth-own")
router.register("auth/sessions", SessionViewSet, basename="session")
router.register("organizations", OrganizationViewSet, basename="organization")
router.register("audit", AuditViewSet, basename="audit")
router.register(f"{IN_ORGANIZATION}/members", MemberViewSet, basename="member")
router.register(
    f"{IN_ORGANIZATION}/invitations", OrganizationInvitationViewSet, basename="organization-invitation"
)
# Before the invitations by id: `accept` is none.
router.register("invitations", AcceptanceViewSet, basename="acceptance")
router.register("invitations", InvitationViewSet, basename="invitation")
router.register("api-keys", ApiKeyViewSet, basename="api-key")
router.register("notifications", NotificationViewSet, basename="notification")
router.register("jobs", JobViewSet, basename="job")

urlpatterns = [
    path("me", MeViewSet.as_view({"get": "retrieve", "patch": "partial_update"}), name="me"),
    path("me/permissions", PermissionsViewSet.as_view({"get": "retrieve"}), name="me-permissions"),
    *router.urls,
]
