"""What goes in and out of the API of previews, for members."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.common.serializers import OutSerializer, StrictSerializer, TimeField, ValueSerializer
from apps.previews.models import AccessEntry, Device, Session
from apps.previews.services.sessions import TTL_MAX_S, TTL_MIN_S, Shared
from apps.previews.states import Access, Platform, SessionStatus, Stage, UploadStep

URL_CHARS = 2_048
DEVICES_MAX = 5


class PreviewSessionIn(StrictSerializer):
    """A new preview."""

    project_id = serializers.UUIDField()
    platform = serializers.ChoiceField(choices=Platform.choices)
    label = serializers.CharField(max_length=80, required=False)  # type: ignore[assignment]
    ttl_s = serializers.IntegerField(min_value=TTL_MIN_S, max_value=TTL_MAX_S, required=False)
    max_devices = serializers.IntegerField(min_value=1, max_value=DEVICES_MAX, required=False)
    access = serializers.ChoiceField(choices=Access.choices, required=False)
    ref = serializers.CharField(max_length=255, required=False)


class PreviewExtensionIn(StrictSerializer):
    """How long a preview lives from now on."""

    ttl_s = serializers.IntegerField(min_value=TTL_MIN_S, max_value=TTL_MAX_S)


class DevServerIn(StrictSerializer):
    """The address of a development server."""

    dev_server_url = serializers.CharField(max_length=URL_CHARS)


class BundleFields(StrictSerializer):
    """The fields beside the file of an upload."""

    sha256 = serializers.RegexField(r"^[0-9a-fA-F]{64}\Z", help_text="Of the file, in hexadecimal.")
    size_bytes = serializers.IntegerField(min_value=0, max_value=2**40, required=False)


class BundleForm(serializers.Serializer[Any]):
    """An upload as a form, for the OpenAPI document."""

    bundle_file = serializers.FileField()
    sha256 = serializers.CharField(min_length=64, max_length=64)
    size_bytes = serializers.IntegerField(min_value=0, required=False)


class PreviewPersonOut(serializers.Serializer[Any]):
    """Who created a preview."""

    id = serializers.UUIDField()
    name = serializers.CharField()


class PreviewBundleOut(serializers.Serializer[Any]):
    """The current bundle."""

    revision = serializers.IntegerField()
    sha256 = serializers.CharField()
    size_bytes = serializers.IntegerField()
    entries = serializers.IntegerField()
    entry = serializers.CharField()


class PreviewErrorOut(serializers.Serializer[Any]):
    """Why the last bundle was refused."""

    code = serializers.CharField()
    detail = serializers.CharField()


class PreviewReceiptOut(serializers.Serializer[Any]):
    """What was deleted when a preview was purged."""

    objects = serializers.IntegerField()
    bytes = serializers.IntegerField()
    sha256s = serializers.ListField(child=serializers.CharField())
    at = TimeField()


class PreviewSessionOut(OutSerializer):
    """A preview."""

    project_id = serializers.UUIDField(allow_null=True)
    status = serializers.SerializerMethodField()
    next_status = serializers.SerializerMethodField()
    devices_bound = serializers.IntegerField(source="uses")
    bundle = PreviewBundleOut(source="current_bundle", allow_null=True)
    last_error = PreviewErrorOut(allow_null=True)
    created_by = PreviewPersonOut(allow_null=True)
    stage = serializers.ChoiceField(choices=Stage.choices, allow_null=True)
    receipt = PreviewReceiptOut(allow_null=True)

    class Meta:
        model = Session
        fields = [
            "id", "public_id", "project_id", "platform", "label", "ref", "access", "status", "next_status",
            "revision", "max_devices", "devices_bound", "token_prefix", "bundle", "dev_server_url",
            "last_error", "created_by", "created_at", "expires_at", "first_opened_at", "stage", "receipt",
        ]  # fmt: skip

    def get_status(self, row: Session) -> SessionStatus:
        """Return the status, `expired` as soon as the time is over."""
        return SessionStatus(row.status_at(timezone.now()))

    @extend_schema_field(serializers.ChoiceField(choices=UploadStep.choices, allow_null=True))
    def get_next_status(self, row: Session) -> str | None:
        """Return how far the upload of the next revision has come; null while none is open."""
        return row.next_status if self.get_status(row) == SessionStatus.READY else None


class PreviewSharedOut(PreviewSessionOut):
    """A preview with its secret, which is shown once."""

    token = serializers.CharField()
    url = serializers.CharField()
    qr_svg = serializers.CharField()

    class Meta(PreviewSessionOut.Meta):
        fields = [*PreviewSessionOut.Meta.fields, "token", "url", "qr_svg"]


class PreviewTokenOut(serializers.Serializer[Any]):
    """A new token, which is shown once."""

    token = serializers.CharField()
    url = serializers.CharField()
    qr_svg = serializers.CharField()


class PreviewDeviceOut(OutSerializer):
    """A device that holds a slot."""

    class Meta:
        model = Device
        fields = ["id", "label", "created_at", "last_seen_at"]


class PreviewAccessOut(OutSerializer):
    """A line of the access log."""

    device_id = serializers.UUIDField(allow_null=True)

    class Meta:
        model = AccessEntry
        fields = ["id", "at", "kind", "device_id", "network", "agent", "bytes"]


class PreviewOpenedOut(ValueSerializer):
    """Where the bundle can be fetched for a short time."""

    url = serializers.CharField()
    sha256 = serializers.CharField(source="bundle.sha256")
    size_bytes = serializers.IntegerField(source="bundle.size_bytes")
    expires_at = TimeField()


def shared_out(shared: Shared) -> dict[str, Any]:
    """Return a new preview as it goes out, once."""
    once = PreviewTokenOut(shared).data
    return {**PreviewSessionOut(shared.session).data, **once}
