"""Serializers that translate and nothing else: strict on the way in, explicit on the way out."""

import datetime as dt
import functools
import re
from collections.abc import Collection, Mapping
from math import isfinite
from typing import Any, ClassVar, Final

from django.db import models
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.utils.serializer_helpers import BindingDict

from apps.common.errors import FieldError, Invalid

BARE_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


class TimeField(serializers.DateTimeField):
    """An instant: RFC 3339 with an offset in, UTC with `Z` out."""

    default_error_messages = {
        "offset_missing": _("The time needs an offset, such as Z or +01:00."),
        "overflow": _("The time lies outside the years 1 to 9999."),
    }

    def enforce_timezone(self, value: dt.datetime) -> dt.datetime:
        """Refuse a time that does not say which zone it is in."""
        if value.tzinfo is None:
            self.fail("offset_missing")
        try:
            return value.astimezone(dt.UTC)
        except OverflowError:
            self.fail("overflow")

    def to_representation(self, value: Any) -> Any:
        """Return the instant in UTC."""
        return rfc3339(value) if isinstance(value, dt.datetime) else super().to_representation(value)


def parse_instant(text: str) -> dt.datetime:
    """Return an RFC 3339 time in UTC; raises ValueError without an offset."""
    instant = dt.datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("the time needs an offset")
    try:
        return instant.astimezone(dt.UTC)
    except OverflowError as error:
        raise ValueError("the time lies outside the years 1 to 9999") from error


def rfc3339(instant: dt.datetime) -> str:
    """Return an aware instant as it goes over the wire: UTC, `Z`."""
    return instant.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


class StrictSerializer(serializers.Serializer[Any]):
    """Input of a call, or a value inside it: unknown fields are refused."""

    def to_internal_value(self, data: Any) -> Any:
        """Validate; raises ValidationError, also for names that are no writable field."""
        if isinstance(data, Mapping):
            refuse_unknown(data, {name for name, field in self.fields.items() if not field.read_only})
        return super().to_internal_value(data)


class OutSerializer(serializers.ModelSerializer[Any]):
    """Output of a row: explicit fields, instants in UTC.

    The fields are made once per class: DRF makes them anew for each object, which takes as long as the query.
    So an output depends on its row alone; one that looks at `context` says that it shares no fields.
    """

    shares_fields: ClassVar[bool] = True

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.DateTimeField: TimeField,
    }

    @property
    def _readable_fields(self) -> list[serializers.Field[Any, Any, Any, Any]]:
        return _output_fields(type(self)) if self.shares_fields else list(super()._readable_fields)


class ValueSerializer(serializers.Serializer[Any]):
    """Output of a value that is no row, with fields made once per class; it never looks at `context`."""

    shares_fields: ClassVar[bool] = True

    @property
    def _readable_fields(self) -> list[serializers.Field[Any, Any, Any, Any]]:
        return _output_fields(type(self))


@functools.cache
def bound_fields(serializer_class: type[serializers.Serializer[Any]]) -> BindingDict:
    """Return the fields of a class, made and bound once: for those of which no field looks at `context`."""
    owner = serializer_class()
    fields = BindingDict(owner)
    for name, field in owner.get_fields().items():
        fields[name] = field
    return fields


@functools.cache
def _output_fields(
    serializer_class: type[OutSerializer | ValueSerializer],
) -> list[serializers.Field[Any, Any, Any, Any]]:
    return [field for field in serializer_class().fields.values() if not field.write_only]


def refuse_unknown(data: Collection[Any], known: Collection[str]) -> None:
    """Raise ValidationError with one `unknown_field` per name that is not known."""
    unknown = [str(name) for name in data if name not in known]
    if unknown:
        detail = serializers.ErrorDetail("There is no such field.", code="unknown_field")
        raise serializers.ValidationError({name: [detail] for name in unknown})


def parse_projection(text: str, serializer: serializers.BaseSerializer[Any]) -> frozenset[str]:
    """Return the paths of a `fields=a,b.c` parameter; raises Invalid for a path the output does not have."""
    paths = frozenset(path.strip() for path in text.split(",") if path.strip())
    for path in paths:
        if not _has_path(serializer, path.split(".")):
            detail = f"The answer has no field {path}."
            raise Invalid(errors=[FieldError(detail, code="unknown_field", parameter="fields")])
    return paths


def project(value: Any, paths: Collection[str]) -> Any:
    """Return `value` reduced to `paths`; lists are reduced item by item."""
    if isinstance(value, list):
        return [project(item, paths) for item in value]
    if not isinstance(value, Mapping):
        return value
    below: dict[str, set[str]] = {}
    for path in paths:
        head, _dot, rest = path.partition(".")
        below.setdefault(head, set()).add(rest)
    return {
        name: item if "" in below[name] else project(item, below[name])
        for name, item in value.items()
        if name in below
    }


def _has_path(serializer: Any, path: list[str]) -> bool:
    """Tell whether a serializer answers with a path; below a free-form field every path may exist."""
    serializer = getattr(serializer, "child", serializer)
    fields = getattr(serializer, "fields", None)
    if fields is None:
        return not path or isinstance(serializer, serializers.JSONField | serializers.DictField)
    if not path:
        return True
    return path[0] in fields and _has_path(fields[path[0]], path[1:])


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
        try:
            number = super().to_internal_value(data)
        except OverflowError:  # a whole number in JSON that is too large for a float
            self.fail("invalid")
        if not isfinite(number):
            self.fail("invalid")
        return number
