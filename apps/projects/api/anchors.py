"""The endpoint that finds anchored lines again."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.serializers import StrictSerializer
from apps.projects.api.base import PROJECT, ProjectPartViewSet
from apps.projects.manifests.anchors import Anchor, AnchorMethod, AnchorState
from apps.projects.models import Manifest
from apps.projects.queries.anchors import find_anchors
from apps.projects.reading.paths import path_key, path_of_key, shown_path, vet_path

ANCHORS_MAX = 200
OBJECT_ID = r"^(?:[0-9a-f]{40}|[0-9a-f]{64})$"
LINE_MAX = 2**31 - 1
PATH_MAX_CHARS = 4_096
KEY_MAX_CHARS = 5_500
SYMBOL_MAX_CHARS = 1_024


class AnchorIn(StrictSerializer):
    """Lines of a blob, from 1, both included. Either `path` or `path_key` names the file."""

    path = serializers.CharField(required=False, max_length=PATH_MAX_CHARS, trim_whitespace=False)
    path_key = serializers.CharField(required=False, max_length=KEY_MAX_CHARS)
    blob_id = serializers.RegexField(OBJECT_ID)
    line_start = serializers.IntegerField(min_value=1, max_value=LINE_MAX)
    line_end = serializers.IntegerField(min_value=1, max_value=LINE_MAX)
    window = serializers.RegexField(
        r"^[0-9a-f]{16}$",
        required=False,
        help_text="The digest of the lines, at least three, without indent; else it is made from the blob.",
    )
    symbol = serializers.CharField(
        required=False, max_length=SYMBOL_MAX_CHARS, help_text="The qualified name of what the lines define."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse an end before the start, and a file that is named twice or never."""
        if attrs["line_end"] < attrs["line_start"]:
            raise serializers.ValidationError({"line_end": "The end lies before the start."})
        if ("path" in attrs) == ("path_key" in attrs):
            raise serializers.ValidationError({"path": "Either path or path_key names the file."})
        return attrs


class AnchorsIn(StrictSerializer):
    """Which lines are looked for, and in which commit (by default the published head)."""

    anchors = serializers.ListField(child=AnchorIn(), max_length=ANCHORS_MAX)
    commit = serializers.RegexField(OBJECT_ID, required=False)


class AnchorPlaceOut(serializers.Serializer[Any]):
    """Where the lines of one anchor are; orphaned ones stay at their old blob."""

    state = serializers.ChoiceField([(state.value, state.value) for state in AnchorState])
    method = serializers.ChoiceField(
        [(method.value, method.value) for method in AnchorMethod],
        allow_null=True,
        help_text="The first step that had exactly one answer.",
    )
    path = serializers.SerializerMethodField(help_text="Null if it is not UTF-8.")
    path_key = serializers.SerializerMethodField()
    blob_id = serializers.CharField()
    line_start = serializers.IntegerField()
    line_end = serializers.IntegerField()

    def get_path(self, row: Any) -> str | None:
        """Return the path as text."""
        return shown_path(row.path)

    def get_path_key(self, row: Any) -> str:
        """Return the key that names the path."""
        return path_key(row.path)


class AnchorPlacesOut(serializers.Serializer[Any]):
    """Where the lines are in a commit, in the order of the anchors."""

    commit = serializers.CharField(allow_null=True)
    results = AnchorPlaceOut(many=True)


@extend_schema(parameters=[PROJECT])
class AnchorViewSet(ProjectPartViewSet[Manifest]):
    """Anchored lines in other commits."""

    queryset = Manifest.objects.none()
    serializer_class = AnchorPlacesOut

    @extend_schema(operation_id="project_anchors_resolve", request=AnchorsIn, responses=AnchorPlacesOut)
    def resolve(self, request: Request, **_: str) -> Response:
        """Find lines again: by blob, symbol, window, then by diff; else they are orphaned."""
        project, asked = self.project, self.validated(AnchorsIn)
        anchors = [_anchor(each) for each in asked["anchors"]]
        commit, places = find_anchors(project, asked.get("commit", ""), anchors)
        return Response(AnchorPlacesOut({"commit": commit or None, "results": places}).data)


def _anchor(values: dict[str, Any]) -> Anchor:
    path = path_of_key(values.pop("path_key")) if "path_key" in values else vet_path(values["path"])
    return Anchor(**(values | {"path": path}))
