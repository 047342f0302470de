"""The sending calls of the API, as far as they carry a key or a token in a header.

Others go on to Django: pages send by their cookie, scripts of other origins want to be told that they may.
"""

from typing import Final

from apps.accounts.authentication import credential_of_headers
from apps.common.errors import DomainError
from apps.common.problems import UnsupportedMediaType
from apps.metrics.doors.bodies import inflate
from apps.metrics.doors.door import Door, Sending
from apps.metrics.doors.gate import Admission
from apps.metrics.doors.native.sending import Call, read_sending
from apps.metrics.doors.requests import JSON_TYPE, DoorRequest, Response, Scope, problem
from apps.metrics.doors.windows import inflated_max, window_of

ROOT: Final = "/api/v1/metrics/"
CALLS: Final = {f"{ROOT}{call.value}": call for call in Call}
CREDENTIALS: Final = frozenset({b"authorization", b"x-api-key"})


class NativeDoor(Door):
    """`POST /api/v1/metrics/counter`, `/value` and `/batch`."""

    name = "native"
    takes_keys = True

    def serves(self, scope: Scope) -> bool:
        """Tell whether a request is one of the three, by a program."""
        if scope["path"] not in CALLS or scope["method"] != "POST":
            return False
        names = {name for name, _value in scope["headers"]}
        return not CREDENTIALS.isdisjoint(names) and b"origin" not in names

    def is_sending(self, request: DoorRequest) -> bool:
        """Tell that all of these bring points."""
        return True

    def credential(self, request: DoorRequest) -> str:
        """Return the one key or token of the headers; raises MultipleCredentials, TokenInvalid."""
        return credential_of_headers(request.header(b"authorization"), request.header(b"x-api-key")) or ""

    def parse(self, request: DoorRequest, admission: Admission) -> Sending:
        """Return the points; raises DomainError."""
        if request.media_type != JSON_TYPE:
            raise UnsupportedMediaType(f"Points are sent as {JSON_TYPE}.")
        body = inflate(request.body, request.encoding, inflated_max())
        call = CALLS[request.path]
        return read_sending(call, body, request.query, window_of(request, admission))

    def refuse(self, request: DoorRequest, error: DomainError) -> Response:
        """Return the problem."""
        return problem(request, error)
