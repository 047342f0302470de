"""The endpoints of areas."""

from typing import Any

from rest_framework import serializers

from apps.common.errors import named_by_pointer
from apps.common.serializers import OutSerializer, StrictSerializer
from apps.common.viewsets import ResourceViewSet
from apps.spatial import area_services
from apps.spatial.api.parameters import PolygonField
from apps.spatial.area_services import ALIASES_MAX
from apps.spatial.models import Area

NAME_CHARACTERS = 120


def _aliases(**kwargs: Any) -> serializers.ListField:
    child = serializers.CharField(max_length=NAME_CHARACTERS)
    return serializers.ListField(child=child, max_length=ALIASES_MAX, **kwargs)


class AreaCreatorOut(serializers.Serializer[Any]):
    """Who drew an area."""

    id = serializers.UUIDField()
    name = serializers.CharField()


class AreaOut(OutSerializer):
    """An area: `box` is west, south, east, north; west > east crosses 180 degrees."""

    aliases = serializers.ListField(child=serializers.CharField())
    polygon = PolygonField()
    box = serializers.ListField(child=serializers.FloatField())
    created_by = AreaCreatorOut(allow_null=True)

    class Meta:
        model = Area
        fields = ["id", "name", "aliases", "polygon", "box", "created_by", "created_at", "updated_at"]


class AreaIn(StrictSerializer):
    """A new area."""

    name = serializers.CharField(max_length=NAME_CHARACTERS)
    aliases = _aliases(default=list)
    polygon = PolygonField(help_text="GeoJSON Polygon or MultiPolygon of at most 10,000 vertices.")


class AreaPatch(StrictSerializer):
    """A change of an area."""

    name = serializers.CharField(max_length=NAME_CHARACTERS, required=False)
    aliases = _aliases(required=False)
    polygon = PolygonField(required=False)


class AreaViewSet(ResourceViewSet[Area]):
    """Named areas: what maps are narrowed to, questions call by name and models are made for."""

    queryset = Area.objects.select_related("created_by")
    offers = ("list", "retrieve", "create", "partial_update", "destroy")
    permission = "spatial.view"
    permissions = {
        "create": "spatial.train",
        "partial_update": "spatial.train",
        "destroy": "spatial.delete",
    }
    serializer_class = AreaOut
    in_serializer_class = AreaIn
    patch_serializer_class = AreaPatch
    search_fields = ("name",)
    sort_fields = {"name": "name", "created_at": "created_at"}

    def create_row(self, values: dict[str, Any]) -> Area:
        """Create an area."""
        with named_by_pointer():
            return area_services.create_area(actor=self.actor, **values)

    def update_row(self, row: Area, values: dict[str, Any]) -> Area:
        """Change an area."""
        with named_by_pointer():
            return area_services.update_area(actor=self.actor, area=row, **values)

    def delete_row(self, row: Area) -> None:
        """Delete an area."""
        area_services.delete_area(actor=self.actor, area=row)
