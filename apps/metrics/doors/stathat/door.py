"""`/stathat`: what clients of StatHat send and read; also the root of the hosts of METRICS_STATHAT_HOSTS.

A client that sends to a fixed host name reaches it where that name leads to this server.
"""

import uuid
from functools import partial
from typing import Final

from django.conf import settings

from apps.common.errors import DomainError, Malformed, NotFound
from apps.common.problems import MethodNotAllowed
from apps.metrics.doors.bodies import inflate
from apps.metrics.doors.door import Door, Sending
from apps.metrics.doors.gate import Admission
from apps.metrics.doors.requests import DoorRequest, Response, Scope
from apps.metrics.doors.stathat import reading
from apps.metrics.doors.stathat.answers import Answer, refused, sent
from apps.metrics.doors.stathat.parameters import Parameters, credential_of, read_parameters
from apps.metrics.doors.stathat.parsing import Call, StatHatCall, parse_send
from apps.metrics.doors.windows import inflated_max, window_of
from apps.metrics.models import Metric
from apps.metrics.points.batch import PointBatch
from apps.metrics.recording import Recorded

ROOT: Final = "/stathat"
CALLS: Final = {f"/{call.value}": call for call in Call}
READING: Final = "/x/"
METHODS: Final = frozenset({"GET", "POST"})


class StatHatDoor(Door):
    """The door of StatHat's clients."""

    name = "stathat"

    def serves(self, scope: Scope) -> bool:
        """Tell whether an address lies below the door, or a host is one of the door's own."""
        if scope["path"].startswith(f"{ROOT}/"):
            return True
        return bool(settings.METRICS_STATHAT_HOSTS) and _host_of(scope) in settings.METRICS_STATHAT_HOSTS

    def is_sending(self, request: DoorRequest) -> bool:
        """Tell whether a request brings points."""
        return _path(request) in CALLS

    def is_quick(self, request: DoorRequest) -> bool:
        """Tell whether parsing asks the database nothing: the classic calls name a metric by its id."""
        return _path(request) == f"/{Call.EZ.value}" and super().is_quick(request)

    def open_answer(self, request: DoorRequest) -> None:
        """Refuse what is no call at all, before anything is read; raises NotFound, MethodNotAllowed."""
        path = _path(request)
        if path not in CALLS and not path.startswith(READING):
            raise NotFound
        if request.method not in METHODS or (path.startswith(READING) and request.method != "GET"):
            raise MethodNotAllowed

    def credential(self, request: DoorRequest) -> str | None:
        """Return the key of address or body; None while the body is not there yet. Raises Malformed."""
        query = request.query_string.decode("utf-8", "replace")
        early = credential_of(_path(request), read_parameters(query, b""))
        if early is not None or not request.notes.get("is_read"):
            return early
        return credential_of(_path(request), _parameters(request))

    def parse(self, request: DoorRequest, admission: Admission) -> Sending:
        """Return the points of a sending call; raises Malformed, BatchSize."""
        call = CALLS[_path(request)]
        window = window_of(request, admission)
        found = parse_send(call, _parameters(request), window, max_points=settings.METRICS_MAX_BATCH_POINTS)
        parsed = found.parsed
        if found.metric_id is not None:
            parsed = parsed.with_batch(_named_by_id(found, admission))
        return Sending(parsed, partial(_answer, found))

    def read(self, request: DoorRequest, admission: Admission) -> Response:
        """Answer statlist, stat, data and stats; raises NotFound, Malformed."""
        _, _, _, call, *rest = [*_path(request).split("/"), "", "", ""]
        return _response(reading.answer(call, [part for part in rest if part], request, admission))

    def refuse(self, request: DoorRequest, error: DomainError) -> Response:
        """Return an error in StatHat's shape."""
        return _response(refused(error))


def _answer(call: StatHatCall, recorded: Recorded) -> Response:
    return _response(sent(recorded.accepted, recorded.refusals, is_list=call.is_list))


def _named_by_id(call: StatHatCall, admission: Admission) -> PointBatch:
    """Return the batch of a classic call under the key of its metric; raises Malformed."""
    batch = call.parsed.batch
    if not len(batch):
        return batch
    try:
        named = uuid.UUID(call.metric_id or "")
    except ValueError as error:
        raise Malformed("`key` is the id of a metric.") from error
    metric = Metric.objects.visible_to(admission.actor).filter(pk=named).first()
    if metric is None:
        raise Malformed("There is no metric with this id.")
    return PointBatch([metric.key], batch.types, batch.key_index, batch.times, batch.values, batch.items)


def _parameters(request: DoorRequest) -> Parameters:
    """Return the parameters of query and body, read once."""
    found: Parameters | None = request.notes.get("parameters")
    if found is None:
        query = request.query_string.decode("utf-8", "replace")
        body = inflate(request.body, request.encoding, inflated_max())
        found = read_parameters(query, body, request.media_type)
        request.notes["parameters"] = found
    return found


def _path(request: DoorRequest) -> str:
    return request.path.removeprefix(ROOT).rstrip("/")


def _host_of(scope: Scope) -> str:
    host = next((value for name, value in scope["headers"] if name == b"host"), b"")
    return host.decode("latin-1").partition(":")[0].lower()


def _response(answer: Answer) -> Response:
    headers = dict(answer.headers)
    media_type = headers.pop("Content-Type", "application/json")
    return Response(answer.status, answer.body, media_type, headers)
