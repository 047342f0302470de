"""What lists and sums of signals can be narrowed by, as it stands in a query."""

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any, Final

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.utils.dateparse import parse_date
from drf_spectacular.utils import extend_schema_field
from rest_framework.request import Request
from rest_framework.views import APIView

from apps.common.filters import (
    SEARCH_MAX_LENGTH,
    AnyOf,
    Choice,
    FilterBackend,
    InstantField,
    StrictFilterSet,
    one_of,
)
from apps.signals.models import Signal
from apps.signals.queries.selections import (
    ABSENCES,
    BOUNDS,
    EXCLUDE,
    ME,
    NOBODY,
    RANGED,
    TEXT_COLUMNS,
    Selection,
)
from apps.signals.states import SignalType, WorkflowStatus

SEVERITY_MAX: Final = 100
# Longer than any name of section 8 in a run that loads; an address holds 8 KiB.
TEXT_MAX_CHARS: Final = 1_024
TEXT_SCHEMA: Final = {"type": "string", "minLength": 1, "maxLength": TEXT_MAX_CHARS}


class FiniteField(forms.FloatField):
    """A number as it stands in a query; finite, which Django's own field sees to."""


class DayField(forms.Field):
    """A day, or a month, which is its first day."""

    def to_python(self, value: Any) -> dt.date | None:
        """Return the day; raises ValidationError."""
        if not value:
            return None
        text = str(value)
        try:
            day = parse_date(f"{text}-01" if len(text) == len("2026-01") else text)
        except ValueError:
            day = None
        if day is None:
            raise ValidationError("Write a day such as 2026-01-01, or a month such as 2026-01.")
        return day


class AssigneeField(forms.CharField):
    """The id of a member, `me` or `none`."""

    def clean(self, value: Any) -> str:
        """Return the text; raises ValidationError."""
        text: str = super().clean(value)
        if text not in {ME, NOBODY}:
            _checked_id(text, "Write the id of a member, me or none.")
        return text


def _checked_id(text: str, detail: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise ValidationError(detail, code="invalid") from error


class Bound(django_filters.Filter):  # type: ignore[misc]
    """One bound of a range; what it narrows is said by the selection."""

    def __init__(self, field_class: type[forms.Field], **kwargs: Any) -> None:
        self.field_class = field_class
        super().__init__(**kwargs)


@extend_schema_field({"type": "boolean"})
class YesNo(Choice):
    """`true` or `false`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=[("true", "true"), ("false", "false")], **kwargs)


@extend_schema_field({"type": "string", "maxLength": SEARCH_MAX_LENGTH})
class Words(django_filters.CharFilter):  # type: ignore[misc]
    """Words, or how they begin."""


def _texts(schema: Mapping[str, Any] = TEXT_SCHEMA, field: forms.Field | None = None) -> AnyOf:
    found = AnyOf(value_field=field or forms.CharField(max_length=TEXT_MAX_CHARS, strip=False))
    described: AnyOf = extend_schema_field({"type": "array", "items": dict(schema)})(found)
    return described


RANGE_FIELDS: Final[Mapping[str, tuple[type[forms.Field], Mapping[str, Any]]]] = {
    "severity": (FiniteField, {"type": "number", "minimum": 0, "maximum": SEVERITY_MAX}),
    "variance_percent": (FiniteField, {"type": "number"}),
    "percentile_rank": (FiniteField, {"type": "number"}),
    "data_period": (DayField, {"type": "string", "format": "date"}),
    "first_detected_at": (InstantField, {"type": "string", "format": "date-time"}),
}


def _bounds() -> dict[str, Bound]:
    """Return the filters `severity__gte` and its like."""
    found = {}
    for name in RANGED:
        field_class, schema = RANGE_FIELDS[name]
        for bound in BOUNDS:
            found[f"{name}__{bound}"] = extend_schema_field(dict(schema))(Bound(field_class, required=False))
    return found


def _text_filters() -> dict[str, AnyOf]:
    """Return the filters that take any of several texts."""
    choices = {"signal_type": one_of(SignalType), "status": one_of(WorkflowStatus)}
    return {name: choices.get(name) or _texts() for name in TEXT_COLUMNS}


class SelectionFilters(StrictFilterSet):
    """Everything that narrows signals; the form's values become one Selection, which narrows them."""

    base_filters: Any

    graph = _texts()
    assignee = _texts(
        {"type": "string", "description": "The id of a member, `me` or `none`."}, AssigneeField()
    )
    quality_flag = _texts()
    run = _texts({"type": "string", "format": "uuid"}, forms.UUIDField())
    attention = YesNo()
    classification_agrees = YesNo()
    absent = Choice(choices=[(word, word) for word in ABSENCES])
    search = Words(max_length=SEARCH_MAX_LENGTH)

    class Meta:
        model = Signal
        fields: list[str] = []

    def __init__(self, data: Any = None, *args: Any, **kwargs: Any) -> None:
        # Only those that the address names: to copy and to clean them all takes as long as the query.
        self.base_filters = {name: each for name, each in self.base_filters.items() if name in (data or ())}
        super().__init__(data, *args, **kwargs)

    def filter_queryset(self, queryset: Any) -> Any:
        """Return the rows as they are."""
        return queryset


# Declared from what queries know, so that neither side can forget one.
SignalFilter: Any = type(
    "SignalFilter",
    (SelectionFilters,),
    {"__doc__": SelectionFilters.__doc__, "__module__": __name__, **_text_filters(), **_bounds()},
)


def selection_of(values: Mapping[str, Any]) -> Selection:
    """Return what a valid form selects; filters that it does not have narrow nothing."""
    return Selection(
        texts={name: tuple(values[name]) for name in TEXT_COLUMNS if values.get(name)},
        bounds={
            name: values[name]
            for name in (f"{ranged}__{bound}" for ranged in RANGED for bound in BOUNDS)
            if values.get(name) is not None
        },
        graphs=tuple(values.get("graph", ())),
        assignees=tuple(values.get("assignee", ())),
        quality_flags=tuple(values.get("quality_flag", ())),
        runs=tuple(values.get("run", ())),
        attention=_flag(values.get("attention", "")),
        classification_agrees=_flag(values.get("classification_agrees", "")),
        absent=values.get("absent") or EXCLUDE,
        search=(values.get("search") or "").strip(),
    )


def _flag(text: str) -> bool | None:
    return text == "true" if text else None


class SelectionBackend(FilterBackend):
    """Checks a request's filters as every list does, and keeps what they said."""

    filterset: Any = None

    def get_filterset(self, request: Request, queryset: Any, view: APIView) -> Any:
        """Return the filters of a request."""
        self.filterset = super().get_filterset(request, queryset, view)
        return self.filterset


def checked_selection(request: Request, view: APIView) -> Selection:
    """Return what the filters of a request select; raises Invalid as any list does."""
    backend = SelectionBackend()
    backend.filter_queryset(request, Signal.objects.none(), view)
    return selection_of(backend.filterset.form.cleaned_data)
