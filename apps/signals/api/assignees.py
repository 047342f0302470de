"""The endpoint of the people to whom signals can be given."""

from typing import Any

from rest_framework import serializers

from apps.accounts.models import Membership, Role
from apps.common.viewsets import ResourceViewSet
from apps.signals.queries.assignees import with_open_count, working_members


class AssigneeOut(serializers.Serializer[Any]):
    """A member who may work on signals, and how many they have that are not resolved."""

    id = serializers.UUIDField(source="user_id")
    name = serializers.CharField(source="user.name")
    role = serializers.ChoiceField(choices=Role.choices)
    open = serializers.IntegerField()


class AssigneeViewSet(ResourceViewSet[Membership]):
    """Members who may work on signals, by name."""

    queryset = Membership.objects.select_related("user")
    offers = ("list",)
    permission = "signals.view"
    serializer_class = AssigneeOut
    search_fields = ("user__name", "user__email")
    sort_fields = {"name": "user__name", "open": "open"}
    default_sort = "name"

    def get_queryset(self) -> Any:
        """Return those of the active organization."""
        if getattr(self, "swagger_fake_view", False):
            return super().get_queryset()
        organization = self.actor.organization
        return with_open_count(working_members(organization), organization)
