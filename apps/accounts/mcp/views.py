"""HTTP around the protocol: who calls, from which page, in which media type, and each answer's status."""

from http import HTTPStatus
from typing import Any, Final

import msgspec
import structlog
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from apps.accounts.authentication import Credentials, authenticate_raw, raw_credential
from apps.accounts.mcp.messages import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    UNSUPPORTED_REVISION,
    JsonObject,
    RpcError,
    error_of,
    id_of,
    read_message,
    result_of,
)
from apps.accounts.mcp.methods import Caller, dispatch
from apps.accounts.mcp.revisions import HANDSHAKE, REVISION_HEADER, WITHOUT_HEADER, revision_of
from apps.common import throttles
from apps.common.addresses import client_address
from apps.common.cross_origin import OriginRefused, is_origin_allowed
from apps.common.errors import Forbidden, Malformed, Unauthenticated
from apps.common.problems import (
    MethodNotAllowed,
    NotAcceptable,
    UnsupportedMediaType,
    problem_response,
)
from apps.common.requests import check_query, parse_json

SCOPE: Final = "mcp"
JSON_TYPE: Final = "application/json"
ACCEPTED: Final = frozenset({"", JSON_TYPE, "application/*", "*/*"})
BATCH_MAX: Final = 20
# In the stateless era the status says what the error says; before it, an error is an answer like any other.
STATUS_OF: Final = {
    PARSE_ERROR: HTTPStatus.BAD_REQUEST,
    INVALID_REQUEST: HTTPStatus.BAD_REQUEST,
    INVALID_PARAMS: HTTPStatus.BAD_REQUEST,
    HEADER_MISMATCH: HTTPStatus.BAD_REQUEST,
    UNSUPPORTED_REVISION: HTTPStatus.BAD_REQUEST,
    METHOD_NOT_FOUND: HTTPStatus.NOT_FOUND,
}


@method_decorator(csrf_exempt, name="dispatch")  # no cookie signs anybody in here
class McpView(View):
    """The one address of the protocol."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        """Answer one message, or a batch where the revision has them."""
        if not is_origin_allowed(request):
            raise OriginRefused
        credentials = sign_in(request)
        caller = Caller(credentials, credentials.resolve_actor(), "")
        _count(request, caller, 1)
        _check_media_types(request)
        try:
            value = parse_json(request.body)
        except Malformed as error:
            return _json(error_of(None, RpcError(PARSE_ERROR, error.detail)), HTTPStatus.BAD_REQUEST)
        if isinstance(value, list):
            return _answer_batch(request, caller, value)
        answer, status = _answer(request, caller, value)
        return _json(answer, status) if answer is not None else HttpResponse(status=HTTPStatus.ACCEPTED)

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Refuse any other method: there is no stream to open with GET and no session to end with DELETE."""
        response = problem_response(request, MethodNotAllowed())
        response["Allow"] = "POST"
        return response


def sign_in(request: HttpRequest) -> Credentials:
    """Return whose key or token the headers carry.

    Raises Unauthenticated, Forbidden for a key without the scope, RateLimited after too many failures.
    """
    check_query(request)
    try:
        found = _credentials_of(request)
    except Unauthenticated:
        throttles.take_at(request, "auth_failed")
        raise
    if found.api_key is not None and SCOPE not in found.api_key.scopes:
        raise Forbidden(f"This needs a key with the scope {SCOPE}.")
    return found


def _credentials_of(request: HttpRequest) -> Credentials:
    raw = raw_credential(request)
    if raw is None:
        raise Unauthenticated
    requested = request.headers.get("X-Organization", "")
    return authenticate_raw(raw, ip=client_address(request), requested_organization=requested)


def _count(request: HttpRequest, caller: Caller, messages: int) -> None:
    """Count messages by who sends them; the answer tells how many are left. Raises RateLimited."""
    if messages:
        decision = throttles.take_for(caller.actor.caller, SCOPE, messages)
        request.rate_limit = decision  # type: ignore[attr-defined]


def _check_media_types(request: HttpRequest) -> None:
    if request.content_type != JSON_TYPE:
        raise UnsupportedMediaType(f"A message is {JSON_TYPE}.")
    accepted = {
        part.partition(";")[0].strip().lower() for part in request.headers.get("Accept", "").split(",")
    }
    if not accepted & ACCEPTED:
        raise NotAcceptable(f"Every answer is {JSON_TYPE}.")


def _answer(request: HttpRequest, caller: Caller, value: Any) -> tuple[JsonObject | None, HTTPStatus]:
    """Return the answer to one message, None if none is owed, and its status."""
    is_handshake_era = False
    try:
        message = read_message(value)
        revision = revision_of(message, request.headers)
        is_handshake_era = revision in HANDSHAKE
        if message.id is None:
            return None, HTTPStatus.ACCEPTED
        with structlog.contextvars.bound_contextvars(mcp_method=message.method[:40]):
            result = dispatch(Caller(caller.credentials, caller.actor, revision), message)
    except RpcError as error:
        status = HTTPStatus.OK if is_handshake_era else STATUS_OF.get(error.code, HTTPStatus.OK)
        return error_of(id_of(value), error), status
    return result_of(message.id, result), HTTPStatus.OK


def _answer_batch(request: HttpRequest, caller: Caller, values: list[Any]) -> HttpResponse:
    """Answer several messages at once, which only revision 2025-03-26 has."""
    refusal = ""
    if request.headers.get(REVISION_HEADER, WITHOUT_HEADER) != WITHOUT_HEADER:
        refusal = "This revision has no batches; send one message."
    elif not 0 < len(values) <= BATCH_MAX:
        refusal = f"A batch has 1 to {BATCH_MAX} messages."
    if refusal:
        return _json(error_of(None, RpcError(INVALID_REQUEST, refusal)), HTTPStatus.BAD_REQUEST)
    _count(request, caller, len(values) - 1)  # the request itself counted as one
    answers = [answer for answer, _ in (_answer(request, caller, value) for value in values) if answer]
    return _json(answers, HTTPStatus.OK) if answers else HttpResponse(status=HTTPStatus.ACCEPTED)


def _json(body: JsonObject | list[JsonObject], status: HTTPStatus) -> HttpResponse:
    headers = {"Cache-Control": "no-store"}
    return HttpResponse(msgspec.json.encode(body), status=status, content_type=JSON_TYPE, headers=headers)
