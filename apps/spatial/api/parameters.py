"""The common parameters of map calls (Q of places-maps.md section 2): shape and types of a query string."""

import datetime as dt
import re
from math import isfinite
from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.common.serializers import TimeField
from apps.datasets.queries.scopes import Filters
from apps.datasets.queries.timeline import Bucket
from apps.datasets.queries.windows import Window
from apps.spatial.exporting.exports import EXTENSIONS, ExportKind
from apps.spatial.formats import AnswerFormat
from apps.spatial.selections import parse_selection
from apps.spatial.sources import HexQuery

DATASETS_MAX: Final = 8
NAMES_MAX: Final = 50
CELLS_MAX: Final = 500
NAME_CHARACTERS: Final = 200
INCLUDES: Final = ("categories", "labels", "value", "geometry")
DEFAULT_INCLUDES: Final = frozenset({"categories", "value"})
BARE_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


@extend_schema_field({"type": "string", "example": "2023-03-01"})
class MomentField(serializers.Field[Any, Any, Any, Any]):
    """An instant with offset, or a bare date, which is a day of each dataset's zone."""

    def to_internal_value(self, data: Any) -> dt.datetime | dt.date:
        """Return the moment; a `+` that arrived as a blank is mended: many clients forget to encode it."""
        text = str(data).strip().replace(" ", "+")
        if BARE_DATE.fullmatch(text):
            day: dt.date = serializers.DateField().run_validation(text)
            return day
        instant: dt.datetime = TimeField().run_validation(text)
        return instant

    def to_representation(self, value: Any) -> Any:
        """Return ISO 8601; parameters only go in."""
        return value.isoformat()


class FiniteField(serializers.FloatField):
    """A number that is one: float() also takes nan and inf."""

    def to_internal_value(self, data: Any) -> float:
        """Return the number."""
        number = super().to_internal_value(data)
        if not isfinite(number):
            self.fail("invalid")
        return number


class IncludeField(serializers.ListField):
    """Parts of the answer, repeated or separated by commas."""

    child = serializers.ChoiceField(choices=INCLUDES)

    def to_internal_value(self, data: Any) -> list[Any]:
        """Return the names."""
        return super().to_internal_value([name for item in data for name in str(item).split(",") if name])


def _names(limit: int = NAMES_MAX, characters: int = NAME_CHARACTERS) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.CharField(max_length=characters, trim_whitespace=False),
        max_length=limit,
        default=list,
    )


class MapParameters(serializers.Serializer[Any]):
    """Datasets, selection, window and filters of a map question."""

    dataset = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=DATASETS_MAX)
    version = serializers.IntegerField(min_value=1, required=False)
    resolution = serializers.IntegerField(min_value=3, max_value=11, required=False)
    bbox = serializers.CharField(max_length=200, required=False, help_text="west,south,east,north in degrees")
    cell = _names(CELLS_MAX, 20)
    to = MomentField(required=False)
    category = _names()
    value_min = FiniteField(required=False)
    value_max = FiniteField(required=False)
    hour_from = serializers.IntegerField(min_value=0, max_value=23, required=False)
    hour_to = serializers.IntegerField(min_value=0, max_value=23, required=False)
    weekday = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=7), max_length=7, default=list
    )
    level = serializers.FloatField(min_value=0.5, max_value=0.999, default=0.95)
    include = IncludeField(required=False)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Add `from` and `label`, names that a class attribute cannot have here."""
        return {**super().get_fields(), "from": MomentField(required=False), "label": _names()}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Check what two parameters say together."""
        if ("hour_from" in attrs) != ("hour_to" in attrs):
            missing = "hour_to" if "hour_from" in attrs else "hour_from"
            raise serializers.ValidationError({missing: "Give both hours, or none."}, code="required")
        if "version" in attrs and len(set(attrs["dataset"])) > 1:
            raise serializers.ValidationError({"version": "A version needs exactly one dataset."})
        if attrs.get("value_min", -float("inf")) > attrs.get("value_max", float("inf")):
            raise serializers.ValidationError({"value_max": "The greatest value is less than the least."})
        if _ends_before_it_starts(attrs.get("from"), attrs.get("to")):
            raise serializers.ValidationError({"to": "The window ends before it starts."})
        return attrs


class HexesParameters(MapParameters):
    """Those of the hexagon call, in any format."""

    format = serializers.ChoiceField(choices=[form.value for form in AnswerFormat], required=False)
    estimate = serializers.BooleanField(default=False)


class GeoJsonParameters(MapParameters):
    """Those of the hexagon call as GeoJSON."""

    estimate = serializers.BooleanField(default=False)


class CellParameters(MapParameters):
    """Those of the call about one cell."""


class TimelineParameters(MapParameters):
    """Those of the timeline."""

    bucket = serializers.ChoiceField(choices=[bucket.value for bucket in Bucket])
    group = serializers.ChoiceField(choices=["category"], required=False)


class ExportParameters(MapParameters):
    """Those of an export."""

    kind = serializers.ChoiceField(choices=[kind.value for kind in ExportKind], default="cells")
    format = serializers.ChoiceField(choices=[form.value for form in EXTENSIONS], required=False)
    safe = serializers.ChoiceField(
        choices=["excel", "raw"],
        default="excel",
        help_text="excel: an apostrophe before text that a spreadsheet would take for a formula",
    )
    bom = serializers.BooleanField(default=False, help_text="a byte order mark before CSV, which Excel needs")


def hex_query(values: dict[str, Any]) -> HexQuery:
    """Return the question that checked parameters ask; raises SelectionInvalid."""
    resolution = values.get("resolution")
    selection, echo = parse_selection(values.get("bbox"), values["cell"], resolution)
    hours = (values["hour_from"], values["hour_to"]) if "hour_from" in values else None
    filters = Filters(
        window=Window(values.get("from"), values.get("to")),
        categories=tuple(values["category"]),
        labels=tuple(values["label"]),
        value_min=values.get("value_min"),
        value_max=values.get("value_max"),
        hours=hours,
        weekdays=tuple(sorted(set(values["weekday"]))),
    )
    return HexQuery(
        dataset_ids=tuple(values["dataset"]),
        selection=selection,
        echo=echo,
        filters=filters,
        version=values.get("version"),
        resolution=resolution,
        level=values["level"],
        include=frozenset(values["include"]) if "include" in values else DEFAULT_INCLUDES,
    )


def _ends_before_it_starts(start: Any, end: Any) -> bool:
    """Tell whether two moments of one kind are in the wrong order; mixed kinds depend on the zone."""
    if start is None or end is None or isinstance(start, dt.datetime) != isinstance(end, dt.datetime):
        return False
    return bool(end <= start if isinstance(end, dt.datetime) else end < start)
