"""What goes in and out of searches."""

from typing import Any

from rest_framework import serializers

from apps.projects.api.pages import RefParameters
from apps.projects.api.plain import PlainOut
from apps.projects.queries.search import Target
from apps.projects.reading.search import Mode

QUERY_MAX_CHARS = 200
GLOB_MAX_CHARS = 255
LANGUAGE_MAX_CHARS = 40
CONTEXT_MAX = 5


class CodeSearchParameters(RefParameters):
    """What is searched for, and where."""

    q = serializers.CharField(max_length=QUERY_MAX_CHARS, trim_whitespace=False)
    mode = serializers.ChoiceField(Mode.choices, default=Mode.LITERAL.value)
    case = serializers.BooleanField(default=False, help_text="Whether upper and lower case differ.")
    path = serializers.CharField(
        required=False,
        max_length=GLOB_MAX_CHARS,
        trim_whitespace=False,
        help_text="A glob on whole paths.",
    )
    language = serializers.ListField(
        child=serializers.CharField(max_length=LANGUAGE_MAX_CHARS), required=False
    )

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Return the fields; `in` is a word of Python, `context` one of every serializer."""
        targets = Target.choices
        return {
            **super().get_fields(),
            "in": serializers.ChoiceField(targets, default=Target.CODE.value),
            "context": serializers.IntegerField(min_value=0, max_value=CONTEXT_MAX, default=2),
        }


class CodeHitOut(PlainOut):
    """A line that matches, or with `in=path` a file."""

    path = serializers.CharField(source="shown_path", allow_null=True, help_text="Null if it is not UTF-8.")
    path_key = serializers.CharField()
    line = serializers.IntegerField(allow_null=True)
    column = serializers.IntegerField(allow_null=True, help_text="In characters, from 1.")
    text = serializers.CharField(allow_null=True, help_text="Of a long line the part around the hit.")
    text_column = serializers.IntegerField(allow_null=True, help_text="The column where `text` begins.")
    before = serializers.ListField(child=serializers.CharField())
    after = serializers.ListField(child=serializers.CharField())


class CodeSearchOut(serializers.Serializer[Any]):
    """What was found, in the order of paths and lines."""

    commit = serializers.CharField(allow_null=True, help_text="Null where the repository is empty.")
    results = CodeHitOut(source="hits", many=True)
    truncated = serializers.BooleanField(
        source="is_truncated",
        help_text="There is more: over 200 in a file, over 2,000 in all, or 5 s were over.",
    )
