"""What a query of series and of points may ask: shape and types, as parameters or as JSON."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.utils.serializer_helpers import BindingDict

from apps.common.serializers import StrictSerializer, bound_fields
from apps.metrics.calendar.windows import NOW, Moment, parse_moment
from apps.metrics.queries.aggregations import MAX_AGGREGATIONS
from apps.metrics.queries.filling import Fill
from apps.metrics.queries.formats import ENCODERS, Times
from apps.metrics.queries.patterns import InvalidPattern, parse_pattern
from apps.metrics.queries.points import DEFAULT_PAGE, MAX_PAGE
from apps.metrics.queries.selection import MAX_GROUP_TAGS
from apps.metrics.queries.series import DEFAULT_INTERVAL, DEFAULT_MAX_POINTS, MAX_BUCKETS, SeriesQuery

KEY_CHARACTERS: Final = 2_048
METRICS_MAX: Final = 1_000
PATTERNS_MAX: Final = 50
ZONE_CHARACTERS: Final = 64
WORD_CHARACTERS: Final = 20
GROUP_ALL: Final = ["all"]

Fields = dict[str, serializers.Field[Any, Any, Any, Any]]


@extend_schema_field({"type": "string", "example": "-6h"})
class MomentField(serializers.Field[Any, Any, Any, Any]):
    """RFC 3339, a date (a day of the zone), Unix seconds, or a time before now such as `-6h`."""

    def to_internal_value(self, data: Any) -> Moment:
        """Return the moment; in JSON Unix seconds may be a number."""
        if isinstance(data, bool) or not isinstance(data, str | int | float):
            raise serializers.ValidationError("Write a text or Unix seconds.")
        try:
            return parse_moment(str(data))
        except ValueError as error:
            text = str(error)
            raise serializers.ValidationError(f"{text[:1].upper()}{text[1:]}.") from error

    def to_representation(self, value: Any) -> Any:
        """Return the moment's text; parameters only go in."""
        return str(value)


class Several(serializers.ListField):
    """Texts: a parameter that is repeated, in JSON a list or a single text."""

    def to_internal_value(self, data: Any) -> list[Any]:
        """Return the texts."""
        return super().to_internal_value([data] if isinstance(data, str) else data)


class Words(Several):
    """Short texts, repeated or separated by commas."""

    def to_internal_value(self, data: Any) -> list[Any]:
        """Return the texts, each once."""
        listed = [data] if isinstance(data, str) else data
        if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
            return super().to_internal_value(listed)
        words = [word.strip() for item in listed for word in item.split(",") if word.strip()]
        return super().to_internal_value(list(dict.fromkeys(words)))


class PatternField(serializers.CharField):
    """A pattern of metrics."""

    def to_internal_value(self, data: Any) -> str:
        """Return the pattern, once it is seen to be one."""
        text = super().to_internal_value(data)
        try:
            parse_pattern(text)
        except InvalidPattern as error:
            raise serializers.ValidationError(error.detail, code="invalid_pattern") from error
        return text


class WindowParameters(serializers.Serializer[Any]):
    """The window of a query."""

    to = MomentField(required=False, help_text="Now, if it is left out; a date includes that day.")

    @cached_property
    def fields(self) -> BindingDict:
        """Return the fields of the class, of which a call only reads.

        Each request has several of these objects, and copying the fields takes longer than checking by them.
        """
        return bound_fields(type(self))

    def get_fields(self) -> Fields:
        """Add `from`, which Python does not let a class attribute be called."""
        start = MomentField(help_text="RFC 3339, a date, Unix seconds, or a time before now such as -6h.")
        return {"from": start, **super().get_fields()}


class BucketParameters(WindowParameters):
    """The window, and the buckets that it is cut into."""

    interval = serializers.CharField(
        max_length=WORD_CHARACTERS,
        default=DEFAULT_INTERVAL,
        help_text="minute, hour, day, week, month, auto, or a width in s, m, h, d such as 5m.",
    )
    zone = serializers.CharField(max_length=ZONE_CHARACTERS, default="UTC")
    fill = serializers.ChoiceField(choices=[fill.value for fill in Fill], default=Fill.NONE.value)


class SimpleParameters(BucketParameters):
    """Those of the simple form: one metric, one aggregation."""

    aggregation = serializers.CharField(max_length=WORD_CHARACTERS, required=False)


class QueryParameters(BucketParameters):
    """Those of `/metrics/query`."""

    metric = Several(
        child=serializers.CharField(max_length=KEY_CHARACTERS, trim_whitespace=False),
        max_length=METRICS_MAX,
        default=list,
        help_text="Whole keys, such as name;tag=value.",
    )
    match = Several(child=PatternField(trim_whitespace=False), max_length=PATTERNS_MAX, default=list)
    aggregation = Words(
        child=serializers.CharField(max_length=WORD_CHARACTERS), max_length=MAX_AGGREGATIONS, default=list
    )
    group_by = Words(
        child=serializers.CharField(), max_length=MAX_GROUP_TAGS, required=False, help_text="all, or tags."
    )
    max_points = serializers.IntegerField(
        min_value=1, max_value=MAX_BUCKETS, default=DEFAULT_MAX_POINTS, help_text="Of interval=auto."
    )
    exact = serializers.BooleanField(default=False)
    gaps = serializers.BooleanField(default=False)
    format = serializers.ChoiceField(choices=list(ENCODERS), required=False)
    times = serializers.ChoiceField(choices=[times.value for times in Times], default=Times.RFC3339.value)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Check that the query is about something."""
        if not attrs["metric"] and not attrs["match"]:
            raise serializers.ValidationError({"metric": "Name metrics, or give a pattern as match."})
        return attrs


class QueryBody(QueryParameters, StrictSerializer):
    """The same as JSON."""


class PointParameters(WindowParameters):
    """Those of a metric's points."""

    to = MomentField(required=False)
    page_size = serializers.IntegerField(min_value=1, max_value=MAX_PAGE, default=DEFAULT_PAGE)
    cursor = serializers.CharField(required=False, help_text="From `next` or `previous`.")

    def get_fields(self) -> Fields:
        """Let the window be open."""
        return {**super().get_fields(), "from": MomentField(required=False)}


def series_query(values: Mapping[str, Any]) -> SeriesQuery:
    """Return the question that checked parameters ask."""
    group_by = values.get("group_by")
    return SeriesQuery(
        start=values["from"],
        end=values.get("to", NOW),
        metrics=tuple(values["metric"]),
        match=tuple(values["match"]),
        interval=values["interval"],
        max_points=values["max_points"],
        zone=values["zone"],
        aggregations=tuple(values["aggregation"]),
        fill=Fill(values["fill"]),
        group_by=None if group_by is None else tuple(group_by if group_by != GROUP_ALL else ()),
        exact=values["exact"],
        gaps=values["gaps"],
    )
