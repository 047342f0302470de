"""What goes in and out about commits and comparisons."""

from typing import Any

from rest_framework import serializers

from apps.common.serializers import StrictSerializer, TimeField
from apps.projects.api.files_serializers import PATH_MAX_CHARS
from apps.projects.api.pages import CommitPageOut, CommitPageParameters
from apps.projects.api.plain import PlainOut
from apps.projects.reading.changes import ChangeStatus
from apps.projects.reading.refs import REF_MAX_CHARS


class HistoryParameters(CommitPageParameters):
    """Whose history, and of which path."""

    path = serializers.CharField(required=False, max_length=PATH_MAX_CHARS, trim_whitespace=False)


class CommitAuthorOut(serializers.Serializer[Any]):
    """Who made a commit, in the words of whoever made it."""

    name = serializers.CharField()
    email = serializers.CharField()


class CommitOut(serializers.Serializer[Any]):
    """A commit."""

    id = serializers.CharField()
    author = CommitAuthorOut()
    authored_at = TimeField()
    committed_at = TimeField()
    subject = serializers.CharField()
    parents = serializers.ListField(child=serializers.CharField())


class CommitListOut(CommitPageOut):
    """A page of commits, newest first."""

    results = CommitOut(many=True)


class ChangedFileOut(PlainOut):
    """A file that differs between two commits."""

    path = serializers.CharField(source="shown_path", allow_null=True, help_text="Null if it is not UTF-8.")
    path_key = serializers.CharField()
    old_path = serializers.CharField(source="shown_old_path", allow_null=True, help_text="Of a rename.")
    status = serializers.ChoiceField(ChangeStatus.choices)
    additions = serializers.IntegerField(allow_null=True)
    deletions = serializers.IntegerField(allow_null=True)
    is_binary = serializers.BooleanField(allow_null=True)


class CommitDetailOut(CommitOut):
    """A commit with its body and the files that it changed against its first parent."""

    body = serializers.CharField()
    files = ChangedFileOut(many=True)
    truncated = serializers.BooleanField(source="is_truncated", help_text="It changed more than 1,000 files.")


class CompareParameters(StrictSerializer):
    """What is compared: refs or full commit ids; `head` is by default the published head."""

    base = serializers.CharField(max_length=REF_MAX_CHARS, trim_whitespace=False)
    head = serializers.CharField(max_length=REF_MAX_CHARS, trim_whitespace=False, required=False)
    path = serializers.CharField(required=False, max_length=PATH_MAX_CHARS, trim_whitespace=False)


class DiffHunkOut(PlainOut):
    """Lines that follow each other."""

    old_start = serializers.IntegerField()
    old_lines = serializers.IntegerField()
    new_start = serializers.IntegerField()
    new_lines = serializers.IntegerField()
    section = serializers.CharField()
    lines = serializers.ListField(
        child=serializers.CharField(), help_text="Each after its sign: blank, `+`, `-`, or `\\` for a note."
    )


class FileDiffOut(ChangedFileOut):
    """A file that differs, line by line."""

    hunks = DiffHunkOut(many=True)
    truncated = serializers.BooleanField(
        source="is_truncated", help_text="Lines are missing: too many, too long, or no time."
    )


class CompareOut(serializers.Serializer[Any]):
    """What differs from one commit to another."""

    base = serializers.CharField(help_text="The commit.")
    head = serializers.CharField(help_text="The commit.")
    files = FileDiffOut(many=True)
    truncated = serializers.BooleanField(source="is_truncated", help_text="More than 300 files differ.")
