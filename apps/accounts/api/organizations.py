"""The endpoints of organizations, their members and invitations.

An address below `/organizations/<id>` means that organization, whichever is the active one: the caller's role
there decides.
"""

from typing import Any

from django.db.models import Model
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from apps.accounts import queries, services
from apps.accounts.api import serializers
from apps.accounts.authentication import Credentials
from apps.accounts.models import Invitation, Membership, Organization, Role, User
from apps.common.errors import Forbidden
from apps.common.viewsets import ResourceViewSet


class OrganizationViewSet(ResourceViewSet[Organization]):
    """The caller's organizations."""

    queryset = Organization.objects.all()
    offers = ("list", "retrieve", "create", "partial_update", "destroy")
    needs_organization = False
    organization_kwarg = "pk"
    permission = "accounts.view"
    permissions = {
        "partial_update": "accounts.manage_organization",
        "destroy": "accounts.manage_organization",
    }
    serializer_class = serializers.OrganizationOut
    in_serializer_class = serializers.OrganizationIn
    patch_serializer_class = serializers.OrganizationPatch
    search_fields = ("name", "slug")
    sort_fields = {"name": "name", "created_at": "created_at"}
    default_sort = "name"

    def get_queryset(self) -> Any:
        """Return the organizations of a user, for a key its one."""
        auth = self.credentials
        if auth.api_key is None:
            return Organization.objects.visible_to(auth.user)
        if not auth.resolve_actor().may(self.permission):
            raise Forbidden(f"This needs the permission {self.permission}.")
        return Organization.objects.of_key(auth.api_key)

    def create_row(self, values: dict[str, Any]) -> Organization:
        """Create an organization whose admin is the caller."""
        organization = services.create_organization(**values, creator=person(self.credentials))
        return self.get_queryset().get(pk=organization.pk)  # type: ignore[no-any-return]

    def update_row(self, row: Organization, values: dict[str, Any]) -> Organization:
        """Change the organization."""
        return services.update_organization(actor=self.actor, organization=row, **values)

    def delete_row(self, row: Organization) -> None:
        """Hide the organization; its data is dropped 30 days later."""
        services.require_recent_authentication(self.credentials)
        services.delete_organization(actor=self.actor, organization=row)


class MemberViewSet(ResourceViewSet[Membership]):
    """The members of one organization, by the user's id."""

    queryset = Membership.objects.select_related("user")
    offers = ("list", "retrieve", "partial_update", "destroy")
    organization_kwarg = "organization_id"
    permission = "accounts.view"
    permissions = {"partial_update": "accounts.manage_members"}  # everybody may remove themselves
    serializer_class = serializers.MemberOut
    patch_serializer_class = serializers.MemberPatch
    query_serializer_classes = {"destroy": serializers.MemberRemoval}
    search_fields = ("user__name", "user__email")
    sort_fields = {"name": "user__name", "email": "user__email", "created_at": "created_at"}
    default_sort = "name"
    lookup_field = "user_id"

    def update_row(self, row: Membership, values: dict[str, Any]) -> Membership:
        """Give the member another role."""
        _prove_for(self.credentials, values)
        return services.change_role(actor=self.actor, membership=row, **values)

    @extend_schema(parameters=[serializers.MemberRemoval])
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Remove a member, or leave."""
        return super().destroy(request, *args, **kwargs)

    def delete_row(self, row: Membership) -> None:
        """End the membership."""
        services.remove_member(actor=self.actor, membership=row, **self.validated_query())


class OrganizationInvitationViewSet(ResourceViewSet[Invitation]):
    """The unanswered invitations of one organization."""

    queryset = Invitation.objects.unanswered().select_related("invited_by")
    offers = ("list", "create")
    organization_kwarg = "organization_id"
    permission = "accounts.invite"
    serializer_class = serializers.InvitationOut
    in_serializer_class = serializers.InvitationIn
    search_fields = ("email",)
    sort_fields = {"email": "email", "expires_at": "expires_at", "created_at": "created_at"}

    def create_row(self, values: dict[str, Any]) -> Invitation:
        """Invite an address."""
        _prove_for(self.credentials, values)
        self.count_by("auth_mail", address=values["email"])
        return services.invite_member(actor=self.actor, **values)

    def location_of(self, row: Model) -> dict[str, str]:
        """Return where the invitation is found by itself."""
        return {"Location": reverse("invitation-detail", args=[row.pk], request=self.request)}


class InvitationViewSet(ResourceViewSet[Invitation]):
    """The unanswered invitations of the active organization, one by one."""

    queryset = Invitation.objects.unanswered().select_related("invited_by")
    offers = ("retrieve", "destroy")
    permission = "accounts.invite"
    serializer_class = serializers.InvitationOut

    def delete_row(self, row: Invitation) -> None:
        """Take the invitation back."""
        services.revoke_invitation(actor=self.actor, invitation=row)

    @extend_schema(request=None, responses=serializers.InvitationOut)
    @action(detail=True, methods=["post"])
    def resend(self, request: Request, pk: str) -> Response:
        """Send a new token; the one before is void."""
        invitation = self.get_object()
        self.count_by("auth_mail", address=invitation.email)
        invitation = services.resend_invitation(actor=self.actor, invitation=invitation)
        return Response(self.answer(invitation))


class AcceptanceViewSet(ResourceViewSet[Membership]):
    """The invited person's answer."""

    queryset = Membership.objects.none()
    needs_organization = False

    @extend_schema(request=serializers.AcceptanceIn, responses=serializers.MembershipOut)
    @action(detail=False, methods=["post"])
    def accept(self, request: Request) -> Response:
        """Join by the token of the mail, with the address it was sent to."""
        values = self.validated(serializers.AcceptanceIn)
        membership = services.accept_invitation(user=person(self.credentials), **values)
        return Response(serializers.MembershipOut(membership).data)


class MeViewSet(ResourceViewSet[User]):
    """The caller."""

    queryset = User.objects.none()
    needs_organization = False
    serializer_class = serializers.MeOut
    patch_serializer_class = serializers.MePatch

    def get_queryset(self) -> Any:
        """Return the caller, as a set of one."""
        return User.objects.filter(pk=person(self.credentials).pk)

    def get_object(self) -> User:
        """Return the caller with their memberships."""
        return _with_memberships(self.get_queryset().get())

    def update_row(self, row: User, values: dict[str, Any]) -> User:
        """Change the profile."""
        return _with_memberships(services.update_profile(user=row, **values))


class PermissionsViewSet(ResourceViewSet[User]):
    """What the caller may do in the active organization."""

    queryset = User.objects.none()
    serializer_class = serializers.PermissionsOut

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the caller's permissions, each with its role."""
        person(self.credentials)
        held = queries.held_permissions(self.actor)
        return Response(
            self.answer(
                {"organization": self.actor.organization, "role": self.actor.role, "permissions": held}
            )
        )


def person(credentials: Credentials) -> User:
    """Return the user who calls; raises Forbidden for a key."""
    if credentials.user is None:
        raise Forbidden("An API key cannot do this; sign in.")
    return credentials.user


def _prove_for(credentials: Credentials, values: dict[str, Any]) -> None:
    """Raise ReauthenticationRequired if the admin role is given by who did not just prove who they are."""
    if values["role"] == Role.ADMIN:
        services.require_recent_authentication(credentials)


def _with_memberships(user: User) -> User:
    user.living_memberships = queries.memberships_of(user)  # type: ignore[attr-defined]
    return user
