"""What goes in and out of the API of members of a project."""

from rest_framework import serializers

from apps.common.serializers import OutSerializer, StrictSerializer
from apps.projects.api.projects_serializers import ProjectPersonOut
from apps.projects.models import ProjectMember
from apps.projects.states import MemberRole


class ProjectMemberOut(OutSerializer):
    """A member of a project; its owner is none."""

    user = ProjectPersonOut()
    role = serializers.ChoiceField(choices=MemberRole.choices)

    class Meta:
        model = ProjectMember
        fields = ["user", "role", "created_at", "updated_at"]


class ProjectMemberIn(StrictSerializer):
    """A new member."""

    user_id = serializers.UUIDField(help_text="A member of the organization; an editor needs to be analyst.")
    role = serializers.ChoiceField(choices=MemberRole.choices, required=False)


class ProjectMemberPatch(StrictSerializer):
    """A change of a member."""

    role = serializers.ChoiceField(choices=MemberRole.choices)
