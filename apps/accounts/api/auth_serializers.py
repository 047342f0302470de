"""What goes in and out of sign-in, sessions and passwords."""

from typing import Any

from rest_framework import serializers

from apps.accounts.api.serializers import OrganizationBrief, UserBrief
from apps.accounts.models import Session
from apps.accounts.models.session import SessionKind
from apps.accounts.services import TokenPair
from apps.common.serializers import OutSerializer, StrictSerializer

TRANSPORTS = ("body", "cookie")


def password_field() -> serializers.CharField:
    """Return a field that takes a password as it is; its length is judged in its normal form."""
    return serializers.CharField(max_length=1024, trim_whitespace=False)


class LoginIn(StrictSerializer):
    """A sign-in by address and password."""

    email = serializers.CharField(max_length=254)
    password = password_field()
    transport = serializers.ChoiceField(choices=TRANSPORTS, default="body")
    # `Field` has an attribute of that name, which its metaclass replaces.
    label = serializers.CharField(max_length=120, allow_blank=True, default="")  # type: ignore[assignment]


class TokenIn(StrictSerializer):
    """What a page's session wants its tokens for."""

    transport = serializers.ChoiceField(choices=TRANSPORTS, default="body")
    label = serializers.CharField(max_length=120, allow_blank=True, default="")  # type: ignore[assignment]


class RefreshIn(StrictSerializer):
    """A refresh; without a token in the body the cookie is taken."""

    refresh = serializers.CharField(max_length=4096, required=False)


class PairOut(serializers.Serializer[TokenPair]):
    """The tokens of a session; `refresh` is null when it travels by cookie."""

    access = serializers.CharField()
    expires_in = serializers.IntegerField(source="access_expires_in_s")
    refresh = serializers.CharField(allow_null=True)
    refresh_expires_in = serializers.IntegerField(source="refresh_expires_in_s")
    session_id = serializers.UUIDField(source="session.pk")
    user = UserBrief()
    organization = OrganizationBrief(allow_null=True)


class ReauthenticateIn(StrictSerializer):
    """The proof that the caller is still the same person."""

    password = password_field()


class PasswordChangeIn(StrictSerializer):
    """A new password, with the one it replaces."""

    current = password_field()
    new = password_field()


class SessionPatch(StrictSerializer):
    """The name of a session."""

    label = serializers.CharField(max_length=120, allow_blank=True)  # type: ignore[assignment]


class SessionOut(OutSerializer):
    """A session in use."""

    shares_fields = False  # `current` is of the request

    kind = serializers.ChoiceField(choices=SessionKind.choices)
    label = serializers.CharField()  # type: ignore[assignment]
    current = serializers.SerializerMethodField(help_text="Whether this request belongs to it.")

    class Meta:
        model = Session
        fields = [
            "id",
            "kind",
            "label",
            "ip",
            "user_agent",
            "current",
            "created_at",
            "last_used_at",
            "expires_at",
            "ends_at",
            "reauthenticated_at",
        ]

    def get_current(self, row: Session) -> bool:
        """Tell whether the request belongs to the session."""
        credentials: Any = self.context["request"].auth
        return row.pk == getattr(credentials, "session_id", None)
