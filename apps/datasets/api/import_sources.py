"""Where the files of an import come from, as a call states it."""

from rest_framework import serializers

from apps.common.serializers import StrictSerializer
from apps.datasets.states import SourceOf

UPLOADS_MAX = 100


class ImportSourceIn(StrictSerializer):
    """What takes the place of file parts. Which fields go with which kind is checked by the service."""

    kind = serializers.ChoiceField(choices=SourceOf.choices)
    upload_ids = serializers.ListField(
        child=serializers.UUIDField(), min_length=1, max_length=UPLOADS_MAX, required=False
    )
    url = serializers.CharField(max_length=2000, required=False)
    sha256 = serializers.RegexField(r"^[0-9a-fA-F]{64}$", required=False)

    def validate_upload_ids(self, value: list[object]) -> list[str]:
        """Return the ids as text, as the options of an import are stored."""
        return [str(item) for item in value]
