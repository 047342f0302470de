"""The common parameters of map calls (Q of places-maps.md section 2): shape and types of a query string."""

import datetime as dt
import functools
from enum import StrEnum
from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.utils.serializer_helpers import BindingDict

from apps.common.serializers import FiniteField, MomentField, StrictSerializer
from apps.datasets.queries.scopes import Filters
from apps.datasets.queries.timeline import Bucket
from apps.datasets.queries.windows import Window
from apps.spatial.exporting.exports import EXTENSIONS, ExportKind
from apps.spatial.formats import AnswerFormat
from apps.spatial.models import Area
from apps.spatial.selections import parse_selection
from apps.spatial.sources import HexQuery
from apps.spatial.tiles.reading import Measure

DATASETS_MAX: Final = 8
NAMES_MAX: Final = 50
CELLS_MAX: Final = 500
NAME_CHARACTERS: Final = 200
INCLUDES: Final = ("categories", "labels", "value", "geometry")
DEFAULT_INCLUDES: Final = frozenset({"categories", "value"})
# What a tile decides.
LEFT_TO_TILES: Final = frozenset({"bbox", "area", "cell", "include"})
# version.rules_no of each dataset in the order asked.
STAMP: Final = r"^[1-9][0-9]{0,8}\.[0-9]{1,9}(,[1-9][0-9]{0,8}\.[0-9]{1,9}){0,7}\Z"


@extend_schema_field(
    {
        "type": "object",
        "required": ["type", "coordinates"],
        "properties": {
            "type": {"type": "string", "enum": ["Polygon", "MultiPolygon"]},
            "coordinates": {"type": "array", "items": {"type": "array", "items": {}}},
        },
    }
)
class PolygonField(serializers.JSONField):
    """GeoJSON; what is in it is checked where it is used."""


class IncludeField(serializers.ListField):
    """Parts of the answer, repeated or separated by commas."""

    child = serializers.ChoiceField(choices=INCLUDES)

    def to_internal_value(self, data: Any) -> list[Any]:
        """Return the names."""
        if not isinstance(data, list):
            self.fail("not_a_list", input_type=type(data).__name__)
        return super().to_internal_value([name for item in data for name in str(item).split(",") if name])


def _names(limit: int = NAMES_MAX, characters: int = NAME_CHARACTERS) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.CharField(max_length=characters, trim_whitespace=False),
        max_length=limit,
        default=list,
    )


class MapParameters(StrictSerializer):
    """Datasets, selection, window and filters of a map question."""

    dataset = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=DATASETS_MAX)
    version = serializers.IntegerField(min_value=1, required=False)
    resolution = serializers.IntegerField(min_value=3, max_value=11, required=False)
    bbox = serializers.CharField(max_length=200, required=False, help_text="west,south,east,north in degrees")
    area = serializers.UUIDField(required=False)
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
    level = FiniteField(min_value=0.5, max_value=0.999, default=0.95)
    include = IncludeField(required=False)

    @property
    def fields(self) -> Any:
        """Return the fields, made once per class: DRF makes them anew for each request.

        None of them looks at a serializer's data, instance or context.
        """
        return _fields_of(type(self))

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


@functools.cache
def _fields_of(parameters: type[MapParameters]) -> BindingDict:
    serializer = parameters()
    fields = BindingDict(serializer)
    for name, field in serializer.get_fields().items():
        fields[name] = field
    return fields


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


class Operation(StrEnum):
    """What a question in JSON asks for."""

    AGGREGATE = "aggregate"
    TIMELINE = "timeline"


class HexesBody(MapParameters):
    """Those of the hexagon call and of the timeline as JSON, and a polygon to select by."""

    operation = serializers.ChoiceField(choices=[each.value for each in Operation], default="aggregate")
    polygon = PolygonField(required=False)
    format = serializers.ChoiceField(choices=[form.value for form in AnswerFormat], required=False)
    estimate = serializers.BooleanField(default=False)
    bucket = serializers.ChoiceField(choices=[bucket.value for bucket in Bucket], required=False)
    group = serializers.ChoiceField(choices=["category"], required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Check what two fields say together."""
        if attrs["operation"] == Operation.TIMELINE and "bucket" not in attrs:
            raise serializers.ValidationError({"bucket": "A timeline needs it."}, code="required")
        return super().validate(attrs)


class TileParameters(MapParameters):
    """Those of tiles: the tile itself is the selection, and the measure is what the answer includes."""

    measure = serializers.ChoiceField(choices=[measure.value for measure in Measure], default="count")
    v = serializers.RegexField(
        STAMP,
        max_length=200,
        required=False,
        help_text="version.rules of each dataset, as in the address that `tiles.json` gives",
    )

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Leave out what a tile decides."""
        fields = super().get_fields()
        return {name: field for name, field in fields.items() if name not in LEFT_TO_TILES}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Check what two parameters say together."""
        if "v" in attrs and "version" in attrs:
            raise serializers.ValidationError({"version": "Give v or version, not both."})
        if "v" in attrs and attrs["v"].count(",") + 1 != len(set(attrs["dataset"])):
            raise serializers.ValidationError({"v": "Give one version.rules for each dataset."})
        return super().validate(attrs)


class HeatmapParameters(MapParameters):
    """Those of heatmaps: the tile is the selection, and the window has names of its own."""

    ts_start = MomentField(required=False)
    ts_end = MomentField(required=False)
    horizon = serializers.IntegerField(
        min_value=0, max_value=336, required=False, help_text="Hours after ts_start at which the window ends."
    )

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Leave out what a tile and the window's other names decide."""
        fields = super().get_fields()
        return {name: field for name, field in fields.items() if name not in LEFT_TO_TILES | {"from", "to"}}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Check what two parameters say together, and name the window as other calls do."""
        if "horizon" in attrs and "ts_start" not in attrs:
            raise serializers.ValidationError({"ts_start": "A horizon needs it."}, code="required")
        if _ends_before_it_starts(attrs.get("ts_start"), attrs.get("ts_end")):
            raise serializers.ValidationError({"ts_end": "The window ends before it starts."})
        window = {"from": attrs.pop("ts_start", None), "to": attrs.pop("ts_end", None)}
        return super().validate(attrs | window)


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


def hex_query(values: dict[str, Any], *, area: Area | None = None) -> HexQuery:
    """Return the question that checked parameters ask, within the area they name; raises SelectionInvalid."""
    resolution = values.get("resolution")
    selection, echo = parse_selection(
        values.get("bbox"),
        values.get("cell", ()),
        resolution,
        area=area,
        polygon=values.get("polygon"),
    )
    hours = (values["hour_from"], values["hour_to"]) if "hour_from" in values else None
    filters = Filters(
        window=Window(values.get("from"), values.get("to"), _length(values.get("horizon"))),
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


def _length(horizon: int | None) -> dt.timedelta | None:
    return None if horizon is None else dt.timedelta(hours=horizon)


def _ends_before_it_starts(start: Any, end: Any) -> bool:
    """Tell whether two moments of one kind are in the wrong order; mixed kinds depend on the zone."""
    if start is None or end is None or isinstance(start, dt.datetime) != isinstance(end, dt.datetime):
        return False
    return bool(end <= start if isinstance(end, dt.datetime) else end < start)
