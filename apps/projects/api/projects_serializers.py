"""What goes in and out of the API of projects: the project itself, its settings, its end."""

from typing import Any, Final

from rest_framework import serializers

from apps.common.serializers import OutSerializer, StrictSerializer, TimeField
from apps.projects.api.mirror_serializers import LinkIn
from apps.projects.models import Project
from apps.projects.models.project import SETTINGS
from apps.projects.rights import Right
from apps.projects.states import MirrorState, SyncMode, Visibility

NAME_CHARS: Final = 160
DESCRIPTION_CHARS: Final = 4_000
REF_CHARS: Final = 255
GLOB_CHARS: Final = 255
GLOBS_MAX: Final = 50
INTERVAL_MIN_S: Final = 300
INTERVAL_MAX_S: Final = 86_400
RIGHTS: Final = [right.label for right in Right]


class OneLineField(serializers.CharField):
    """A text without control characters, of one line."""

    def to_internal_value(self, data: Any) -> str:
        """Return the text; raises ValidationError."""
        text: str = super().to_internal_value(data)
        if not text.isprintable():
            raise serializers.ValidationError("Write one line without control characters.", code="control")
        return text


class GlobsField(serializers.ListField):
    """Patterns over whole paths: `*` within a part, `**` over parts."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            child=serializers.CharField(max_length=GLOB_CHARS, trim_whitespace=False),
            max_length=GLOBS_MAX,
            **kwargs,
        )


class ProjectPersonOut(serializers.Serializer[Any]):
    """Somebody who has to do with a project."""

    id = serializers.UUIDField()
    name = serializers.CharField()


class MirrorBriefOut(serializers.Serializer[Any]):
    """Where the mirror of a project stands."""

    state = serializers.ChoiceField(choices=MirrorState.choices)
    head_commit = serializers.CharField(help_text="Empty without a tracked commit.")
    last_synced_at = TimeField(allow_null=True)
    next_due_at = TimeField(allow_null=True)
    reason = serializers.CharField(source="due_reason", help_text="Why the next sync is due then.")


class ManifestBriefOut(serializers.Serializer[Any]):
    """Which manifest is current."""

    version = serializers.IntegerField(source="number")
    digest = serializers.SerializerMethodField(help_text="SHA-256 of the document, in hex.")
    created_at = TimeField()

    def get_digest(self, row: Any) -> str:
        """Return the digest in hex."""
        return bytes(row.digest).hex()


class CapabilityOut(serializers.Serializer[Any]):
    """Whether previews make sense on a platform, and why."""

    yes = serializers.BooleanField()
    reason = serializers.CharField()


class CapabilitiesOut(serializers.Serializer[Any]):
    """On which platforms previews make sense."""

    ios = CapabilityOut()
    android = CapabilityOut()
    web = CapabilityOut()


class ProjectCountsOut(serializers.Serializer[Any]):
    """How much there is."""

    jobs_running = serializers.IntegerField(help_text="Code jobs that wait or run.")
    proposals_stale = serializers.IntegerField()
    members = serializers.IntegerField(help_text="Without the owner.")


class ProjectSettings(StrictSerializer):
    """The settings of a project."""

    external_ai = serializers.BooleanField(help_text="Code may leave this server.")
    editors_may_apply = serializers.BooleanField(help_text="Editors may apply proposals here.")
    second_person_applies = serializers.BooleanField(help_text="Whoever asked for a rename cannot apply it.")
    exclude_globs = GlobsField(help_text="Not in search, jobs and renames.")
    ai_exclude_globs = GlobsField(help_text="Never sent to a model elsewhere.")
    history_tips = serializers.IntegerField(
        min_value=0, max_value=20, help_text="How many rewritten tips are kept per ref."
    )
    history_days = serializers.IntegerField(min_value=1, max_value=365)


class ProjectSettingsPatch(ProjectSettings):
    """Those settings that change."""

    def get_fields(self) -> dict[str, Any]:
        """Let every setting be left out."""
        found: dict[str, Any] = super().get_fields()
        for field in found.values():
            field.required = False
        return found


class ProjectOut(serializers.Serializer[Any]):
    """A project as the caller sees it."""

    id = serializers.UUIDField(source="project.pk")
    name = serializers.CharField(source="project.name")
    description = serializers.CharField(source="project.description")
    visibility = serializers.ChoiceField(source="project.visibility", choices=Visibility.choices)
    my_right = serializers.ChoiceField(
        source="my_right.label", choices=RIGHTS, help_text="What the caller may do, as their role stands now."
    )
    owner = ProjectPersonOut(source="project.owner", allow_null=True)
    archived_at = TimeField(source="project.archived_at", allow_null=True)
    tracked_ref = serializers.CharField(
        source="project.tracked_ref", allow_null=True, help_text="Null: the default branch of the remote."
    )
    sync_mode = serializers.ChoiceField(source="project.sync_mode", choices=SyncMode.choices)
    sync_interval_s = serializers.IntegerField(source="project.sync_interval_s")
    mirror = MirrorBriefOut(allow_null=True)
    manifest = ManifestBriefOut(allow_null=True)
    preview_capable = CapabilitiesOut()
    counts = ProjectCountsOut()
    settings = serializers.SerializerMethodField()
    created_at = TimeField(source="project.created_at")
    updated_at = TimeField(source="project.updated_at")

    def get_settings(self, shown: Any) -> ProjectSettings:
        """Return all settings, those never set by their default."""
        return {name: shown.project.option(name) for name in SETTINGS}  # type: ignore[return-value]


class ProjectIn(StrictSerializer):
    """A new project."""

    name = OneLineField(max_length=NAME_CHARS)
    description = serializers.CharField(max_length=DESCRIPTION_CHARS, allow_blank=True, required=False)
    visibility = serializers.ChoiceField(choices=Visibility.choices, required=False)
    repo = LinkIn(required=False, help_text="A repository to be mirrored at once.")


class ProjectPatch(StrictSerializer):
    """A change of a project."""

    name = OneLineField(max_length=NAME_CHARS, required=False)
    description = serializers.CharField(max_length=DESCRIPTION_CHARS, allow_blank=True, required=False)
    visibility = serializers.ChoiceField(choices=Visibility.choices, required=False)
    tracked_ref = OneLineField(
        max_length=REF_CHARS, allow_null=True, required=False, help_text="Null: the remote's default branch."
    )
    sync_mode = serializers.ChoiceField(choices=SyncMode.choices, required=False)
    sync_interval_s = serializers.IntegerField(
        min_value=INTERVAL_MIN_S, max_value=INTERVAL_MAX_S, required=False
    )
    settings = ProjectSettingsPatch(required=False)


class ProjectRemoval(serializers.Serializer[Any]):
    """How a project is deleted."""

    confirm = serializers.CharField(
        max_length=NAME_CHARS, trim_whitespace=False, help_text="The name of the project, as it is."
    )


class ProjectTransfer(StrictSerializer):
    """To whom a project goes."""

    user_id = serializers.UUIDField(help_text="A member of the organization, analyst or higher.")


class ProjectDeletedOut(OutSerializer):
    """A project that is gone, and when it is gone for good."""

    class Meta:
        model = Project
        fields = ["id", "deleted_at"]
