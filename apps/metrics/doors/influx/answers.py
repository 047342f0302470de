"""What InfluxDB's clients expect to be answered."""

import json
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from apps.common.errors import DomainError
from apps.common.problems import problem_headers, status_of
from apps.metrics.doors.influx.parsing import InfluxWrite

VERSION: Final = "2.7.0"
MEDIA_TYPE: Final = "application/json"
# What the second version of the API calls each status.
CODES: Final = {
    400: "invalid",
    401: "unauthorized",
    403: "forbidden",
    404: "not found",
    405: "method not allowed",
    409: "conflict",
    413: "request too large",
    415: "unsupported media type",
    422: "unprocessable entity",
    429: "too many requests",
    503: "unavailable",
}


class Answer(NamedTuple):
    """An HTTP answer."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


def written(write: InfluxWrite, *, is_v2: bool) -> Answer:
    """Return 204, or 400 with the first bad line and how many there are; good lines are stored by then."""
    refusals = write.parsed.refusals
    if not refusals:
        return Answer(HTTPStatus.NO_CONTENT, b"", _headers())
    first = refusals[0]
    count = len({refusal.item for refusal in refusals})
    message = (
        f"partial write: line {first.item + 1}: {first.detail} {count} of {write.parsed.item_count} lines"
        f" {'was' if count == 1 else 'were'} refused, the others are stored."
    )
    return _refusal(HTTPStatus.BAD_REQUEST, message, is_v2=is_v2, line=first.item + 1)


def refused(error: DomainError, *, is_v2: bool) -> Answer:
    """Return an error in the shape of InfluxDB; what is final has a status on which no client retries."""
    status = status_of(error)
    if status in {HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.CONFLICT}:
        status = HTTPStatus.BAD_REQUEST
    answer = _refusal(status, error.explain().replace("\n", " "), is_v2=is_v2)
    return answer._replace(headers=answer.headers + tuple(problem_headers(error).items()))


def _refusal(status: int, message: str, *, is_v2: bool, line: int | None = None) -> Answer:
    if not is_v2:
        return _json(status, {"error": message})
    body = {"code": CODES.get(status, "internal error"), "message": message}
    return _json(status, body if line is None else body | {"line": line})


def pong() -> Answer:
    """Return the answer to `/ping`."""
    return Answer(HTTPStatus.NO_CONTENT, b"", _headers())


def health() -> Answer:
    """Return the answer to `/health`."""
    body = {"name": "influxdb", "message": "ready for queries and writes", "status": "pass", "checks": []}
    return _json(HTTPStatus.OK, body | {"version": VERSION, "commit": "sextant"})


def query_results(columns: list[str] | None, values: list[list[str]]) -> Answer:
    """Return the answer to `/query`: one statement's table, empty if it has no columns."""
    result: dict[str, Any] = {"statement_id": 0}
    if columns is not None:
        result["series"] = [{"name": "databases", "columns": columns, "values": values}]
    return _json(HTTPStatus.OK, {"results": [result]})


def _json(status: int, body: Any) -> Answer:
    headers = (*_headers(), ("Content-Type", MEDIA_TYPE))
    return Answer(status, json.dumps(body, ensure_ascii=False).encode(), headers)


def _headers() -> tuple[tuple[str, str], ...]:
    return (("X-Influxdb-Version", VERSION), ("X-Influxdb-Build", "OSS"))
