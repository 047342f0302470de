"""What the list of metrics can be narrowed by."""

from collections.abc import Iterable, Sequence
from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from drf_spectacular.utils import extend_schema_field

from apps.common.errors import FieldError
from apps.common.filters import AnyOf, StrictFilterSet, one_of
from apps.metrics.metric_types import MetricType
from apps.metrics.models import Metric
from apps.metrics.points.names import KEY_MAX_BYTES
from apps.metrics.queries import catalogue
from apps.metrics.queries.patterns import MAX_CHARACTERS, InvalidPattern, matching

SEPARATOR = ":"


class TagField(forms.CharField):
    """A tag with a value, `k:v`."""

    def clean(self, value: Any) -> tuple[str, str]:
        """Return name and value; raises ValidationError without one of them."""
        name, _, wanted = super().clean(value).partition(SEPARATOR)
        if not (name and wanted):
            raise ValidationError("Write a tag and its value, such as host:a.", code="invalid")
        return name, wanted


@extend_schema_field({"type": "array", "items": {"type": "string", "pattern": "^[^:]+:.+$"}})
class TagFilter(AnyOf):
    """`tag=k:v&tag=k:w&tag=l:x`: any of the values of one tag, and so for each tag."""


@extend_schema_field({"type": "string", "minLength": 1, "maxLength": KEY_MAX_BYTES})
class PrefixFilter(django_filters.CharFilter):  # type: ignore[misc]
    """How a key starts."""


@extend_schema_field(
    {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": MAX_CHARACTERS}}
)
class PatternFilter(AnyOf):
    """`match=cpu.*;host=web*`: any of the patterns, as in queries."""


class MetricFilter(StrictFilterSet):
    """Metrics by type, tags, patterns and the beginning of their keys."""

    type = one_of(MetricType)
    prefix = PrefixFilter(method="starting_with", max_length=KEY_MAX_BYTES, strip=False)
    match = PatternFilter(method="matching", value_field=forms.CharField(strip=False))
    tag = TagFilter(method="with_tags", value_field=TagField(strip=False))

    class Meta:
        model = Metric
        fields: list[str] = []

    def starting_with(self, rows: Any, _name: str, prefix: str) -> Any:
        """Narrow by the beginning of the key."""
        return catalogue.starting_with(rows, prefix)

    def matching(self, rows: Any, name: str, patterns: Sequence[str]) -> Any:
        """Narrow by patterns; raises InvalidPattern."""
        try:
            return matching(rows, patterns) if patterns else rows
        except InvalidPattern as error:
            item = FieldError(error.detail, code=error.code, parameter=name)
            raise InvalidPattern(error.detail, errors=[item]) from error

    def with_tags(self, rows: Any, _name: str, pairs: Iterable[tuple[str, str]]) -> Any:
        """Narrow by tags."""
        wanted: dict[str, list[str]] = {}
        for name, value in pairs:
            wanted.setdefault(name, []).append(value)
        return catalogue.with_tags(rows, wanted)
