"""What goes in and out about files."""

from rest_framework import serializers

from apps.projects.api.pages import CommitPageOut, CommitPageParameters, RefParameters
from apps.projects.api.plain import PlainOut
from apps.projects.reading.content import Omitted
from apps.projects.states import FileKind

LANGUAGE_MAX_CHARS = 40
PATH_MAX_CHARS = 4_096
LINE_MAX = 2**31 - 1
EOLS = ("lf", "crlf", "cr", "mixed", "none")


class FolderParameters(CommitPageParameters):
    """Which entries are listed: of a folder, by default the root, or of all below it."""

    path = serializers.CharField(
        required=False, allow_blank=True, max_length=PATH_MAX_CHARS, trim_whitespace=False
    )
    path_key = serializers.CharField(
        required=False, help_text="The folder by its key, where its path is not UTF-8."
    )
    recursive = serializers.BooleanField(default=False)
    kind = serializers.ListField(child=serializers.ChoiceField(FileKind.choices), required=False)
    language = serializers.ListField(
        child=serializers.CharField(max_length=LANGUAGE_MAX_CHARS), required=False
    )


class TreeEntryOut(PlainOut):
    """An entry of a tree."""

    name = serializers.CharField(help_text="What is not UTF-8 stands as U+FFFD.")
    path = serializers.CharField(source="shown_path", allow_null=True, help_text="Null if it is not UTF-8.")
    path_key = serializers.CharField(help_text="base64url of the path's bytes.")
    kind = serializers.ChoiceField(FileKind.choices)
    mode = serializers.CharField()
    blob_id = serializers.CharField()
    size_bytes = serializers.IntegerField(allow_null=True)
    lines = serializers.IntegerField(allow_null=True)
    language = serializers.CharField(allow_null=True)
    is_binary = serializers.BooleanField(allow_null=True)
    is_generated = serializers.BooleanField()
    is_vendored = serializers.BooleanField()
    target = serializers.CharField(
        allow_null=True, help_text="The text of a link, never followed; the commit of a submodule."
    )


class TreePageOut(CommitPageOut):
    """A page of a listing: folders first, then by bytes."""

    results = TreeEntryOut(many=True)


class LineParameters(RefParameters):
    """Which lines of a file, from 1, both included."""

    start = serializers.IntegerField(required=False, min_value=1, max_value=LINE_MAX)
    end = serializers.IntegerField(required=False, min_value=1, max_value=LINE_MAX)


class TreeFileOut(TreeEntryOut):
    """A file with its text, or why that is left out."""

    commit = serializers.CharField()
    encoding = serializers.CharField(allow_null=True)
    eol = serializers.ChoiceField([(name, name) for name in EOLS], allow_null=True)
    has_bom = serializers.BooleanField()
    first_line = serializers.IntegerField(allow_null=True)
    content = serializers.CharField(allow_null=True)
    omitted = serializers.ChoiceField(Omitted.choices, allow_null=True)
