"""Declared list filters: `field=v` (repeated means OR), `field__gte` and its like, `search`."""

import datetime as dt
import functools
from collections.abc import Iterable, Iterator, Sequence
from operator import or_
from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.forms.utils import ErrorDict
from django.utils.dateparse import parse_datetime
from django_filters.rest_framework import DjangoFilterBackend, FilterSet
from drf_spectacular.utils import extend_schema_field
from rest_framework.request import Request
from rest_framework.views import APIView

from apps.common.errors import FieldError, Invalid

SEARCH_MAX_LENGTH = 200
INTEGER_MAX = 2**31 - 1  # of PostgreSQL's integer
TIME_BOUNDS = ["gte", "gt", "lt", "lte"]


class InstantField(forms.Field):
    """A time with an offset, as it stands in a query."""

    def to_python(self, value: Any) -> dt.datetime | None:
        """Return the instant; a `+` that arrived as a blank is mended: many clients forget to encode it."""
        if not value:
            return None
        try:
            instant = parse_datetime(str(value).strip().replace(" ", "+"))
            if instant is not None and instant.tzinfo is not None:
                # PostgreSQL knows offsets to 16 h only, Python to 24.
                return instant.astimezone(dt.UTC)
        except (ValueError, OverflowError):
            pass
        raise ValidationError("Write a time with an offset, such as 2026-01-31T00:00:00Z.", code="invalid")


class AnyOf(django_filters.Filter):  # type: ignore[misc]
    """`field=a&field=b`: rows with any of the values, each checked by `field_class`."""

    field_class = forms.CharField

    def __init__(self, *args: Any, value_field: forms.Field | None = None, **kwargs: Any) -> None:
        self.value_field = value_field or forms.CharField()
        super().__init__(*args, lookup_expr="in", **kwargs)

    @property
    def field(self) -> forms.Field:
        """Return the field that checks the whole list."""
        if not hasattr(self, "_field"):
            self._field = ListField(self.value_field, required=False)
        return self._field


class ListField(forms.Field):
    """All values of a repeated parameter, each cleaned by another field."""

    widget = forms.SelectMultiple

    def __init__(self, value_field: forms.Field, **kwargs: Any) -> None:
        self.value_field = value_field
        super().__init__(**kwargs)

    def clean(self, value: Any) -> list[Any]:
        """Return the cleaned values; raises ValidationError for the first wrong one."""
        return [self.value_field.clean(item) for item in value or []]


class Choice(django_filters.ChoiceFilter):  # type: ignore[misc]
    """One of a few words; any other is refused."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(null_label=None, empty_label=None, **kwargs)


def one_of(choices: type[models.TextChoices], field_name: str | None = None) -> AnyOf:
    """Return the filter of a state: any of the given values."""
    field = forms.ChoiceField(choices=choices.choices)
    return _described(AnyOf(field_name=field_name, value_field=field), {"enum": choices.values})


def any_text(field_name: str | None = None) -> AnyOf:
    """Return the filter of a text: exactly any of the given ones."""
    found = AnyOf(field_name=field_name, value_field=forms.CharField(max_length=SEARCH_MAX_LENGTH))
    return _described(found, {"minLength": 1, "maxLength": SEARCH_MAX_LENGTH})


def id_of(field_name: str) -> AnyOf:
    """Return the filter of a relation by id: any of the given ids."""
    found = AnyOf(field_name=f"{field_name}_id", value_field=forms.UUIDField())
    return _described(found, {"format": "uuid"})


def number_of(field_name: str) -> AnyOf:
    """Return the filter of a whole number: any of the given ones."""
    field = forms.IntegerField(min_value=0, max_value=INTEGER_MAX)
    found = AnyOf(field_name=field_name, value_field=field)
    schema = {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": INTEGER_MAX}}
    described: AnyOf = extend_schema_field(schema)(found)
    return described


def _described(found: AnyOf, item: dict[str, Any]) -> AnyOf:
    """Tell the OpenAPI document what one value looks like."""
    schema = {"type": "array", "items": {"type": "string"} | item}
    described: AnyOf = extend_schema_field(schema)(found)
    return described


class InstantFilter(django_filters.Filter):  # type: ignore[misc]
    """One bound of a time."""

    field_class = InstantField


class StrictFilterSet(FilterSet):  # type: ignore[misc]
    """Filters of one list; times need an offset: `Meta.fields = {"created_at": TIME_BOUNDS}`."""

    FILTER_DEFAULTS = {**FilterSet.FILTER_DEFAULTS, models.DateTimeField: {"filter_class": InstantFilter}}


class FilterBackend(DjangoFilterBackend):  # type: ignore[misc]
    """Applies a view's filter set and its `search`; a wrong value is 422 with the parameter's name."""

    def filter_queryset(self, request: Request, queryset: Any, view: APIView) -> Any:
        """Narrow the rows; raises Invalid."""
        filterset = self.get_filterset(request, queryset, view)
        if filterset is not None:
            _refuse_blank(request, filterset.filters)
            if not filterset.is_valid():
                raise Invalid(errors=list(_form_errors(filterset.errors)))
            queryset = filterset.qs
        return _search(queryset, request.query_params.get("search", ""), getattr(view, "search_fields", ()))


def _refuse_blank(request: Request, names: Iterable[str]) -> None:
    """Raise Invalid for `status=`: it would count as absent, and answer with every row."""
    blank = [name for name in names if "" in request.query_params.getlist(name)]
    if blank:
        raise Invalid(errors=[FieldError("This is empty.", code="blank", parameter=name) for name in blank])


def _search(queryset: Any, text: str, fields: Sequence[str]) -> Any:
    if len(text) > SEARCH_MAX_LENGTH:
        detail = f"Search for at most {SEARCH_MAX_LENGTH} characters."
        raise Invalid(errors=[FieldError(detail, code="max_length", parameter="search")])
    if not text or not fields:
        return queryset
    return queryset.filter(
        functools.reduce(or_, (models.Q(**{f"{name}__icontains": text}) for name in fields))
    )


def _form_errors(found: ErrorDict) -> Iterator[FieldError]:
    for name, messages in found.as_data().items():
        for error in messages:
            detail = " ".join(error.messages)
            yield FieldError(detail, code=error.code or "invalid", parameter=name)
