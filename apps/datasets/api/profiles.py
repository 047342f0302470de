"""The endpoints of profiles: decisions how files are read, to be taken again."""

from typing import Any

from rest_framework import serializers

from apps.common.serializers import OutSerializer, StrictSerializer
from apps.common.viewsets import ResourceViewSet
from apps.datasets import profile_services
from apps.datasets.api.serializers import ObjectField, PersonOut
from apps.datasets.models import Profile
from apps.datasets.states import DuplicatePolicy


class ProfileOptions(StrictSerializer):
    """Import options that a profile sets where the call does not."""

    member_pattern = serializers.CharField(max_length=255, required=False)
    duplicates = serializers.ChoiceField(choices=DuplicatePolicy.choices, required=False)
    reject_limit = serializers.FloatField(min_value=0, max_value=1, required=False)


class ProfilePatch(StrictSerializer):
    """A change of a profile."""

    name = serializers.CharField(max_length=120, required=False)
    mapping = ObjectField(required=False)
    dialect = ObjectField(required=False, allow_null=True)
    options = ProfileOptions(required=False)


class ProfileIn(ProfilePatch):
    """A new profile."""

    name = serializers.CharField(max_length=120)
    mapping = ObjectField()


class ProfileOut(OutSerializer):
    """A profile; `is_for` are the sorted names of the header that it is taken for by itself."""

    mapping = ObjectField()
    dialect = ObjectField(allow_null=True)
    options = ObjectField()
    is_for = serializers.ListField(child=serializers.CharField(), source="columns")
    created_by = PersonOut(allow_null=True)

    class Meta:
        model = Profile
        fields = [
            "id", "name", "mapping", "dialect", "options", "is_for", "created_by", "created_at",
            "updated_at",
        ]  # fmt: skip


class ProfileViewSet(ResourceViewSet[Profile]):
    """Profiles of the organization."""

    queryset = Profile.objects.select_related("created_by")
    offers = ("list", "retrieve", "create", "partial_update", "destroy")
    permission = "datasets.view"
    permissions = {
        "create": "datasets.ingest",
        "partial_update": "datasets.ingest",
        "destroy": "datasets.ingest",
    }
    serializer_class = ProfileOut
    in_serializer_class = ProfileIn
    patch_serializer_class = ProfilePatch
    search_fields = ("name",)
    sort_fields = {"name": "name", "created_at": "created_at", "updated_at": "updated_at"}

    def create_row(self, values: dict[str, Any]) -> Profile:
        """Make a profile."""
        return profile_services.create_profile(actor=self.actor, **values)

    def update_row(self, row: Profile, values: dict[str, Any]) -> Profile:
        """Change the profile."""
        return profile_services.update_profile(actor=self.actor, profile=row, **values)

    def delete_row(self, row: Profile) -> None:
        """Delete the profile."""
        profile_services.delete_profile(actor=self.actor, profile=row)
