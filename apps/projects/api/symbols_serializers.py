"""What the API says of symbols."""

from typing import Any

from rest_framework import serializers

from apps.common.serializers import OutSerializer
from apps.projects.models import Symbol


class SymbolLinesOut(serializers.Serializer[Any]):
    """The lines of a definition, both ends included."""

    start = serializers.IntegerField(source="line_start")
    end = serializers.IntegerField(source="line_end")


class SymbolOut(OutSerializer):
    """A definition in a published file."""

    path = serializers.SerializerMethodField()
    blob_id = serializers.CharField(source="blob")
    lines = SymbolLinesOut(source="*")

    class Meta:
        model = Symbol
        fields = ["name", "qualified_name", "kind", "path", "blob_id", "lines", "signature", "has_docstring"]

    def get_path(self, row: Any) -> str:
        """Return the path of a file that holds it."""
        return bytes(row.path).decode("utf-8", "replace")
