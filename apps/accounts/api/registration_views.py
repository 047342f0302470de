"""The endpoints of registration and forgotten passwords; no answer tells who exists."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import services
from apps.accounts.api.auth_serializers import password_field
from apps.accounts.models import User
from apps.common.serializers import StrictSerializer
from apps.common.viewsets import ResourceViewSet


class RegistrationIn(StrictSerializer):
    """Somebody new."""

    email = serializers.EmailField(max_length=254)
    name = serializers.CharField(max_length=120)
    password = password_field()
    invitation_token = serializers.CharField(max_length=200, required=False, default="")


class AddressIn(StrictSerializer):
    """The address that a mail goes to."""

    email = serializers.EmailField(max_length=254)


class KeyIn(StrictSerializer):
    """The key of a link."""

    key = serializers.CharField(max_length=500)


class ResetIn(KeyIn):
    """The key of a link, and the password it sets."""

    password = password_field()


class RegistrationViewSet(ResourceViewSet[User]):
    """Registration, confirmation of an address, a forgotten password."""

    queryset = User.objects.none()
    is_public = True
    authentication_classes = ()

    @extend_schema(request=RegistrationIn, responses={202: None})
    @action(detail=False, methods=["post"])
    def register(self, request: Request) -> Response:
        """Register; how it goes on stands in a mail, the same answer for known addresses."""
        values = self.validated(RegistrationIn)
        self.count_by("auth_mail", address=values["email"])
        services.register(**values)
        return Response(status=202)

    @extend_schema(request=KeyIn, responses={204: None})
    @action(detail=False, methods=["post"], url_path="verify-email")
    def verify_email(self, request: Request) -> Response:
        """Confirm an address by the key from the mail."""
        services.verify_email(**self.validated(KeyIn))
        return Response(status=204)

    @extend_schema(request=AddressIn, responses={202: None})
    @action(detail=False, methods=["post"], url_path="verify-email/resend")
    def resend(self, request: Request) -> Response:
        """Send the mail of the confirmation again, if the address waits for it."""
        values = self.validated(AddressIn)
        self.count_by("auth_mail", address=values["email"])
        services.ask_for_verification(**values)
        return Response(status=202)

    @extend_schema(request=AddressIn, responses={202: None})
    @action(detail=False, methods=["post"], url_path="password/forgot")
    def forgot_password(self, request: Request) -> Response:
        """Send a link that sets a new password, if somebody has the address."""
        values = self.validated(AddressIn)
        self.count_by("auth_mail", address=values["email"])
        services.ask_for_reset(**values)
        return Response(status=202)

    @extend_schema(request=ResetIn, responses={204: None})
    @action(detail=False, methods=["post"], url_path="password/reset")
    def reset_password(self, request: Request) -> Response:
        """Set a new password by the key from the mail; all sessions end."""
        services.reset_password(**self.validated(ResetIn))
        return Response(status=204)
