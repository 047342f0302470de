"""What each field of a point may hold, looked at one by one after the typed decoder has refused a body."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from apps.metrics.errors import InvalidName, InvalidTags, InvalidValue
from apps.metrics.metric_types import MetricType

REQUIRED: Final = "required"


class Fault(NamedTuple):
    """What is wrong with one field."""

    field: str
    code: str
    detail: str


def faults_of(point: Mapping[str, Any], known: frozenset[str]) -> list[Fault]:
    """Return the faults of a point's fields; the ranges of values, times and names are judged later."""
    faults = [Fault(name, "unknown_field", "There is no such field.") for name in point if name not in known]
    if "metric" not in point:
        faults.append(Fault("metric", REQUIRED, "The metric's name is missing."))
    found = (fault_of(name, value) for name, value in point.items() if name in known)
    return faults + [fault for fault in found if fault]


def fault_of(field: str, value: Any) -> Fault | None:
    """Return what is wrong with the kind of a field's value, None if nothing is."""
    is_right, code, detail = _KINDS[field]
    return None if is_right(value) else Fault(field, code, detail)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_type(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value in MetricType.values)


def _is_stamp(value: Any) -> bool:
    return value is None or isinstance(value, str) or _is_number(value)


def _is_tags(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(text, str) for text in value.values())
    return value is None


_KINDS: Final[Mapping[str, tuple[Callable[[Any], bool], str, str]]] = {
    "metric": (lambda value: isinstance(value, str), InvalidName.code, "A metric's name is a text."),
    "type": (_is_type, "invalid_choice", "The type is counter or value."),
    "value": (
        lambda value: value is msgspec.UNSET or _is_number(value),
        InvalidValue.code,
        "A value is a number, not a text, a boolean or null.",
    ),
    "timestamp": (
        _is_stamp,
        "invalid",
        "A time is a number of Unix seconds, or RFC 3339 with an offset as a text.",
    ),
    "tags": (_is_tags, InvalidTags.code, "Tags are an object of texts."),
}
