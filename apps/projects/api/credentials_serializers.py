"""What goes in and out of the API of credentials; a secret only goes in."""

from typing import Any, Final

from rest_framework import serializers

from apps.common.serializers import OutSerializer, StrictSerializer, TimeField
from apps.projects.api.projects_serializers import OneLineField
from apps.projects.models import Credential

SECRET_CHARS: Final = 16_384
USERNAME_CHARS: Final = 255
LABEL_CHARS: Final = 80
HOST_CHARS: Final = 255
PORT_MAX: Final = 65_535
# What repositories are reached by.
KINDS: Final = ("https",)


class SecretField(OneLineField):
    """A secret, taken as it is; git would end one at a line's end."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=SECRET_CHARS, trim_whitespace=False, write_only=True, **kwargs)


class CredentialOut(OutSerializer):
    """A credential without its secret."""

    kind = serializers.ChoiceField(choices=KINDS)
    last4 = serializers.CharField(help_text="The secret's last four characters, of a long one.")
    last_result = serializers.CharField(help_text="How the last run that used it ended; empty: none did.")

    class Meta:
        model = Credential
        fields = [
            "id", "kind", "host", "port", "label", "username", "last4", "expires_at", "last_used_at",
            "last_result", "created_at", "updated_at",
        ]  # fmt: skip


class CredentialIn(StrictSerializer):
    """A new credential."""

    kind = serializers.ChoiceField(choices=KINDS)
    host = OneLineField(max_length=HOST_CHARS)
    port = serializers.IntegerField(
        min_value=1, max_value=PORT_MAX, required=False, help_text="By default 443."
    )
    label = OneLineField(max_length=LABEL_CHARS)  # type: ignore[assignment]  # not DRF's own attribute
    username = OneLineField(max_length=USERNAME_CHARS, allow_blank=True, required=False)
    secret = SecretField()
    expires_at = TimeField(required=False, allow_null=True)


class CredentialPatch(StrictSerializer):
    """A change of a credential; a new secret replaces the one before in place."""

    label = OneLineField(max_length=LABEL_CHARS, required=False)  # type: ignore[assignment]  # as above
    username = OneLineField(max_length=USERNAME_CHARS, allow_blank=True, required=False)
    secret = SecretField(required=False)
    expires_at = TimeField(required=False, allow_null=True)
