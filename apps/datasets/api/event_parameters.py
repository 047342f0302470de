"""The parameters of a list of events: shape and types, and what they ask for."""

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

import h3.api.basic_int as h3
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.common.serializers import FiniteField, MomentField
from apps.datasets.queries.cells import BASE_RESOLUTION
from apps.datasets.queries.event_rows import Nearness
from apps.datasets.queries.scopes import Filters
from apps.datasets.queries.selections import Box, Descendants
from apps.datasets.queries.windows import Window

NAMES_MAX: Final = 50
CELLS_MAX: Final = 100
NAME_CHARACTERS: Final = 200
EDGES: Final = 4
TEXT_CHARACTERS: Final = 200


@extend_schema_field({"type": "string", "maxLength": TEXT_CHARACTERS, "example": "-0.2,51.4,0.1,51.6"})
class BoxField(serializers.Field[Any, Any, Any, Any]):
    """`west,south,east,north` in degrees."""

    def to_internal_value(self, data: Any) -> Box:
        """Return the box."""
        text = str(data)[:TEXT_CHARACTERS]
        try:
            edges = [float(part) for part in text.split(",")]
        except ValueError:
            edges = []
        if len(edges) != EDGES:
            raise serializers.ValidationError("Write four numbers: west,south,east,north.")
        try:
            return Box.from_degrees(*edges)
        except ValueError as error:
            raise serializers.ValidationError(f"This is no box: {error}.") from error

    def to_representation(self, value: Box) -> str:
        """Return the text; parameters only go in."""
        return f"{value.west},{value.south},{value.east},{value.north}"


@extend_schema_field({"type": "string", "maxLength": TEXT_CHARACTERS, "example": "8b195da49a9bfff"})
class CellField(serializers.Field[Any, Any, Any, Any]):
    """An H3 index in hexadecimal digits, of resolution 11 or coarser."""

    def to_internal_value(self, data: Any) -> int:
        """Return the cell."""
        text = str(data)[:TEXT_CHARACTERS]
        try:
            cell = int(h3.str_to_int(text))
            is_served = h3.is_valid_cell(cell) and h3.get_resolution(cell) <= BASE_RESOLUTION
        except (ValueError, OverflowError):
            is_served = False
        if not is_served:
            raise serializers.ValidationError("This is no H3 cell of resolution 11 or coarser.")
        return cell

    def to_representation(self, value: int) -> str:
        """Return the digits; parameters only go in."""
        return str(h3.int_to_str(value))


def _names() -> serializers.ListField:
    name = serializers.CharField(max_length=NAME_CHARACTERS, trim_whitespace=False)
    return serializers.ListField(child=name, max_length=NAMES_MAX, default=list)


class EventParameters(serializers.Serializer[Any]):
    """Which events: of which version, when, where, and what they are like."""

    version = serializers.IntegerField(min_value=1, max_value=999_999_999, required=False)
    to = MomentField(required=False)
    bbox = BoxField(required=False, help_text="west,south,east,north in degrees; by the point")
    cell = serializers.ListField(child=CellField(), max_length=CELLS_MAX, default=list)
    category = _names()
    value_min = FiniteField(required=False)
    value_max = FiniteField(required=False)
    external_id = serializers.CharField(max_length=NAME_CHARACTERS, trim_whitespace=False, required=False)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Add `from` and `label`, names that a class attribute cannot have here."""
        return {**super().get_fields(), "from": MomentField(required=False), "label": _names()}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Check what two parameters say together."""
        if "bbox" in attrs and attrs["cell"]:
            raise serializers.ValidationError({"bbox": "Select by bbox or by cell, not by both."})
        if attrs.get("value_min", -float("inf")) > attrs.get("value_max", float("inf")):
            raise serializers.ValidationError({"value_max": "The greatest value is less than the least."})
        if _ends_before_it_starts(attrs.get("from"), attrs.get("to")):
            raise serializers.ValidationError({"to": "The window ends before it starts."})
        return attrs


@dataclass(frozen=True, slots=True)
class EventQuestion:
    """Which events of a dataset are asked for; version None is the current one."""

    version: int | None
    filters: Filters
    near: Nearness


def event_question(values: dict[str, Any]) -> EventQuestion:
    """Return what checked parameters ask for."""
    return EventQuestion(
        version=values.get("version"),
        filters=Filters(
            window=Window(values.get("from"), values.get("to")),
            categories=tuple(values["category"]),
            labels=tuple(values["label"]),
            value_min=values.get("value_min"),
            value_max=values.get("value_max"),
        ),
        near=Nearness(
            box=values.get("bbox"),
            cells=Descendants(tuple(dict.fromkeys(values["cell"]))) if values["cell"] else None,
            external_id=values.get("external_id"),
        ),
    )


def _ends_before_it_starts(start: Any, end: Any) -> bool:
    """Tell whether two moments of one kind are in the wrong order; mixed kinds depend on the zone."""
    if start is None or end is None or isinstance(start, dt.datetime) != isinstance(end, dt.datetime):
        return False
    return bool(end <= start if isinstance(end, dt.datetime) else end < start)
