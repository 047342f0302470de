"""`/influx`: what clients of InfluxDB 1 and 2 write, and the few calls they make around that."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from django.conf import settings

from apps.common.errors import DomainError, NotFound
from apps.common.problems import MethodNotAllowed
from apps.metrics.doors.bodies import inflate
from apps.metrics.doors.door import Door, Sending
from apps.metrics.doors.gate import Admission
from apps.metrics.doors.influx.answers import Answer, health, pong, refused, written
from apps.metrics.doors.influx.credentials import credential_of
from apps.metrics.doors.influx.parsing import InfluxWrite, parse_write
from apps.metrics.doors.influx.statements import answer_statement
from apps.metrics.doors.requests import DoorRequest, Response, Scope
from apps.metrics.doors.windows import inflated_max, window_of
from apps.metrics.recording import Recorded

ROOT: Final = "/influx"
WRITES: Final = frozenset({"/write", "/api/v2/write"})
QUERY: Final = "/query"
OPEN: Final[Mapping[str, Answer]] = {"/ping": pong(), "/health": health()}
PRECISION: Final = "ns"
# Clients count lines, and each of these may have many fields; still no more than one commit takes.
FIELDS_A_LINE: Final = 10


class InfluxDoor(Door):
    """The door of line protocol."""

    name = "influx"

    def serves(self, scope: Scope) -> bool:
        """Tell whether an address lies below the door."""
        path: str = scope["path"]
        return path.startswith(f"{ROOT}/")

    def is_sending(self, request: DoorRequest) -> bool:
        """Tell whether a request writes; CREATE DATABASE comes before a write and needs the same right."""
        return _path(request) in WRITES

    def permission(self, request: DoorRequest) -> str:
        """Return what a caller must be allowed, which is the same for all calls that need a key."""
        return "metrics.write"

    def open_answer(self, request: DoorRequest) -> Response | None:
        """Answer `/ping` and `/health`; raises NotFound, MethodNotAllowed."""
        path = _path(request)
        if path in OPEN:
            return _response(OPEN[path])
        if path not in WRITES and path != QUERY:
            raise NotFound
        if request.method != "POST" and not (path == QUERY and request.method == "GET"):
            raise MethodNotAllowed
        return None

    def credential(self, request: DoorRequest) -> str:
        """Return the key of headers or parameters; raises TokenInvalid."""
        headers = {"authorization": request.header(b"authorization")}
        return credential_of(headers, request.query) or ""

    def parse(self, request: DoorRequest, admission: Admission) -> Sending:
        """Return the points of a write; raises DomainError."""
        body = inflate(request.body, request.encoding, inflated_max())
        write = parse_write(
            body,
            request.query.get("precision", PRECISION),
            window_of(request, admission),
            max_points=FIELDS_A_LINE * settings.METRICS_MAX_BATCH_POINTS,
        )
        return Sending(
            write.parsed,
            partial(_answer, request, write),
            content=_content(request, body) if write.all_timed else None,
        )

    def read(self, request: DoorRequest, admission: Admission) -> Response:
        """Answer the statements that clients send before they write; raises Malformed."""
        form = request.form if request.method == "POST" else {}
        return _response(answer_statement(form.get("q") or request.query.get("q", "")))

    def refuse(self, request: DoorRequest, error: DomainError) -> Response:
        """Return an error in the shape of InfluxDB."""
        return _response(refused(error, is_v2=_is_v2(request)))


def _answer(request: DoorRequest, write: InfluxWrite, recorded: Recorded) -> Response:
    """Tell what the parser refused and what the recorder did: a metric of another type, say."""
    refusals = sorted(recorded.refusals, key=lambda refusal: refusal.item)
    told = replace(write, parsed=replace(write.parsed, refusals=refusals))
    return _response(written(told, is_v2=_is_v2(request)))


def _content(request: DoorRequest, body: bytes) -> bytes:
    """Return what a write is known by, whose points all carry their time: sent again it means the same."""
    digest = hashlib.sha256()
    for part in (request.path.encode(), request.query_string, body):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


def _path(request: DoorRequest) -> str:
    return request.path.removeprefix(ROOT).rstrip("/")


def _is_v2(request: DoorRequest) -> bool:
    return _path(request).startswith("/api/v2")


def _response(answer: Answer) -> Response:
    headers = dict(answer.headers)
    media_type = headers.pop("Content-Type", "application/json")
    return Response(answer.status, answer.body, media_type, headers)
