"""Our own sending calls: what a body and its parameters ask for, and what is answered."""

from collections.abc import Mapping
from enum import StrEnum
from functools import partial
from typing import Any, Final

import numpy as np
import orjson
from django.conf import settings

from apps.common.errors import FieldError, Invalid
from apps.common.requests import KEY_PARAMETERS, KeyInQuery
from apps.metrics.doors.door import Sending
from apps.metrics.doors.native.parsing import NativeBatch, parse_batch, parse_counter, parse_value
from apps.metrics.doors.native.pointers import Form, pointer_of
from apps.metrics.doors.requests import Response
from apps.metrics.points.batch import Instants
from apps.metrics.points.refusals import rejected_by_code
from apps.metrics.points.timestamps import TimeWindow
from apps.metrics.recording import Mode, Recorded, Untyped
from apps.metrics.recording.outcomes import shown_faults

CREATED: Final = 201
INTEGER_MAX: Final = 2**53


class Call(StrEnum):
    """What is sent."""

    COUNTER = "counter"
    VALUE = "value"
    BATCH = "batch"


PARAMETERS: Final[Mapping[str, tuple[str, ...]]] = {
    "mode": tuple(mode.value for mode in Mode),
    "echo": ("true", "false"),
}


def read_sending(call: Call, body: bytes, query: Mapping[str, str], window: TimeWindow) -> Sending:
    """Return what a request brings; raises Malformed, Invalid, TooLarge."""
    _check_parameters(call, query)
    if call is Call.BATCH:
        return _read_batch(body, query, window)
    parse = parse_counter if call is Call.COUNTER else parse_value
    return Sending(
        parse(body, window),
        _answer_single,
        mode=Mode.ATOMIC,
        untyped=Untyped.REFUSE,
        pointer=partial(pointer_of, form=Form.SINGLE),
    )


def _read_batch(body: bytes, query: Mapping[str, str], window: TimeWindow) -> Sending:
    batch = parse_batch(body, window, max_points=settings.METRICS_MAX_BATCH_POINTS)
    return Sending(
        batch.parsed,
        partial(_answer_batch, batch, is_echoed=query.get("echo") == "true"),
        mode=Mode(query.get("mode", Mode.ATOMIC.value)),
        untyped=Untyped.REFUSE,
        pointer=batch.pointer_of,
    )


def _check_parameters(call: Call, query: Mapping[str, str]) -> None:
    known = PARAMETERS if call is Call.BATCH else {}
    if named := sorted(KEY_PARAMETERS & query.keys()):
        raise KeyInQuery(f"Remove {named[0]} from the address and send it as a header.")
    faults = [
        FieldError("There is no such parameter.", code="unknown_parameter", parameter=name)
        for name in query
        if name not in known
    ]
    faults += [
        FieldError(f"This is one of {', '.join(choices)}.", code="invalid_choice", parameter=name)
        for name, choices in known.items()
        if query.get(name, choices[0]) not in choices
    ]
    if faults:
        raise Invalid(errors=faults)


def _answer_single(recorded: Recorded) -> Response:
    metric = recorded.metrics[0]
    body = {
        "metric": recorded.batch.keys[0],
        "id": str(metric.id),
        "type": metric.type.value,
        "value": number(float(recorded.batch.values[0])),
        "recorded_at": instant_texts(recorded.batch.times)[0],
        "created": bool(recorded.created),
    }
    return Response(CREATED, orjson.dumps(body), headers={"Location": f"/api/v1/metrics/{metric.id}"})


def _answer_batch(batch: NativeBatch, recorded: Recorded, *, is_echoed: bool) -> Response:
    body: dict[str, Any] = {"accepted": recorded.accepted, "created": list(recorded.created)}
    if is_echoed:
        body["points"] = _echo(recorded)
    rejected = {refusal.item for refusal in recorded.refusals}
    if not rejected:
        return Response(CREATED, orjson.dumps(body))
    body["rejected"] = len(rejected)
    body["errors"] = [
        {"pointer": fault.pointer, "code": fault.code, "detail": fault.detail}
        for fault in shown_faults(recorded.refusals, batch.pointer_of)
    ]
    body["rejected_by_code"] = rejected_by_code(recorded.refusals)
    return Response(200, orjson.dumps(body))


def _echo(recorded: Recorded) -> list[dict[str, str]]:
    keys = recorded.batch.keys
    texts = instant_texts(recorded.batch.times)
    places = recorded.batch.key_index.tolist()
    return [{"metric": keys[place], "recorded_at": text} for place, text in zip(places, texts, strict=True)]


def instant_texts(times: Instants) -> list[str]:
    """Return instants as RFC 3339 with six decimals and Z."""
    texts: list[str] = np.datetime_as_string(times.astype("M8[us]"), unit="us", timezone="UTC").tolist()
    return texts


def number(value: float) -> float | int:
    """Return a value as JSON writes it: whole numbers without a point, as far as they are exact."""
    return int(value) if value.is_integer() and abs(value) < INTEGER_MAX else value
