"""One stat of a request: its names, its number and its time."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from apps.metrics.errors import BatchSize, InvalidName, InvalidValue
from apps.metrics.metric_types import MetricType
from apps.metrics.points.names import TEXT_MAX_CHARS
from apps.metrics.points.timestamps import TextRefused, TimeWindow, instant_of_number
from apps.metrics.points.values import VALUE_MAX, number_of_text

STATS_MAX: Final = 50
TIME_MAX_CHARS: Final = 40
CUT_OFF: Final = (
    "`{name}` is empty. The request was probably cut off by a client that counts characters where"
    " Content-Length counts bytes."
)


@dataclass(frozen=True, slots=True)
class Item:
    """What one stat says: an amount or a reading, and when; microseconds."""

    metric_type: MetricType
    value: float
    at_us: int
    seconds: float | None


def stat_names(text: str) -> list[str]:
    """Return the names that a stat stands for: `a~b,c` for "a b" and "a c".

    Raises BatchSize over 50, InvalidName.
    """
    if len(text) > TEXT_MAX_CHARS:
        raise InvalidName("The stat's name is far too long.")
    first, tilde, rest = text.partition("~")
    parts = [part.strip() for part in rest.split(",") if part.strip()]
    if not tilde or not parts:
        return [first]
    if len(parts) > STATS_MAX:
        raise BatchSize(f"A stat stands for at most {STATS_MAX} names.")
    return [f"{first.strip()} {part}" for part in parts]


def read_item(
    fields: Mapping[str, Any], window: TimeWindow, *, counter: bool | None, default: float | None
) -> Item:
    """Return what the fields `count` or `value`, and `t`, say; raises InvalidValue, TextRefused.

    `counter` is the type that the call itself has, None where the field tells; `default` the amount of a stat
    with neither field, None where that is a fault.
    """
    name = _field_name(fields, counter=counter)
    if name is None:
        if default is None:
            raise InvalidValue("There is neither `count` nor `value`.")
        value, is_counter = default, counter is not False
    else:
        value = _number(name, fields[name])
        is_counter = name == "count" if counter is None else counter
    at_us, seconds = _time(fields.get("t"), window)
    return Item(MetricType.COUNTER if is_counter else MetricType.VALUE, value, at_us, seconds)


def _field_name(fields: Mapping[str, Any], *, counter: bool | None) -> str | None:
    """Return which of the two fields counts; where the call has a type, its own field goes first."""
    given = [name for name in ("count", "value") if fields.get(name) is not None]
    if len(given) > 1 and counter is None:
        raise InvalidValue("There are both `count` and `value`; only one tells what the stat is.")
    if counter is False:
        given.reverse()
    return given[0] if given else None


def _number(name: str, given: Any) -> float:
    if isinstance(given, str):
        if not given.strip():
            raise InvalidValue(CUT_OFF.format(name=name))
        given = number_of_text(given.strip())
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise InvalidValue(f"`{name}` is not a number.")
    if not abs(given) <= VALUE_MAX:
        raise InvalidValue(f"`{name}` is not a finite number of at most 1e290.")
    return float(given) + 0.0


def _time(given: Any, window: TimeWindow) -> tuple[int, float | None]:
    """Return the instant that `t` names, in microseconds, and its seconds; that of receipt without one."""
    if given is None:
        return window.received_at_us, None
    if isinstance(given, str) and not given.strip():
        raise TextRefused(CUT_OFF.format(name="t"))
    text = given.strip() if isinstance(given, str) else _text_of(given)
    seconds = number_of_text(text) if len(text) <= TIME_MAX_CHARS else None
    if seconds is None:
        raise TextRefused("`t` is not a number of Unix seconds.")
    return instant_of_number(text), seconds


def _text_of(given: Any) -> str:
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    return repr(given) if is_number else ""
