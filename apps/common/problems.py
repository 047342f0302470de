"""RFC 9457 problems: the only place with status codes.

Every error of the API leaves as `application/problem+json`, whoever raised it: our services, DRF or Django.
Pages get the same facts as HTML.
"""

import errno
import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import structlog
from django.core import exceptions as django_errors
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.http.request import RawPostDataException
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.exceptions import TemplateDoesNotExist
from django.utils.cache import patch_vary_headers
from rest_framework import exceptions as drf_errors
from rest_framework.settings import api_settings

from apps.common import errors, metrics
from apps.common.errors import DomainError, FieldError
from apps.common.logs import route_of
from apps.common.outbound.errors import OutboundFailed
from apps.common.throttles import RateLimited

logger = structlog.get_logger(__name__)

# What an answer depends on besides its address: who calls, and in which organization.
VARY = ("Authorization", "X-API-Key", "X-Organization", "Cookie")
API_PREFIX = "/api/"
MCP_PATH = "/mcp"
MEDIA_TYPE = "application/problem+json"
REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
UNAVAILABLE_RETRY_S = 5


class ServerError(DomainError):
    """Something failed on our side.

    The error is logged under the request id that this answer states; give it to your operator.
    """

    code = "server.error"


class MethodNotAllowed(DomainError):
    """This address does not take this method."""

    code = "request.method_not_allowed"


class NotAcceptable(DomainError):
    """None of the formats in the Accept header is served here."""

    code = "request.not_acceptable"


class UnsupportedMediaType(DomainError):
    """The body's media type is not accepted here."""

    code = "request.unsupported_media_type"


class RequestTimeout(DomainError):
    """The request's body did not arrive in time."""

    code = "request.timeout"


class AddressTooLong(DomainError):
    """The request's address is too long."""

    code = "request.uri_too_long"


class CsrfFailed(errors.Forbidden):
    """The cross-site request check failed.

    A request that the page's cookie signs in must carry the CSRF token in `X-CSRFToken`. Reload the page.
    """

    code = "auth.csrf_failed"


# "Checksum Mismatch" of tus 1.0, of which HTTP itself knows nothing.
CHECKSUM_MISMATCH: Final = 460

# The first entry that the error is an instance of decides, so subclasses stand before their base.
STATUS_BY_ERROR: Mapping[type[DomainError], int] = {
    errors.Malformed: HTTPStatus.BAD_REQUEST,
    errors.Unauthenticated: HTTPStatus.UNAUTHORIZED,
    errors.Forbidden: HTTPStatus.FORBIDDEN,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    MethodNotAllowed: HTTPStatus.METHOD_NOT_ALLOWED,
    NotAcceptable: HTTPStatus.NOT_ACCEPTABLE,
    UnsupportedMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    RequestTimeout: HTTPStatus.REQUEST_TIMEOUT,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.Expired: HTTPStatus.GONE,
    errors.PreconditionFailed: HTTPStatus.PRECONDITION_FAILED,
    errors.Locked: HTTPStatus.LOCKED,
    errors.Corrupted: CHECKSUM_MISMATCH,
    errors.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    AddressTooLong: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.Throttled: HTTPStatus.TOO_MANY_REQUESTS,
    OutboundFailed: HTTPStatus.BAD_GATEWAY,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}


def status_of(error: DomainError | type[DomainError]) -> int:
    """Return the status of an error or of its class; 500 for a bare DomainError."""
    cls = error if isinstance(error, type) else type(error)
    matches = (status for base, status in STATUS_BY_ERROR.items() if issubclass(cls, base))
    return next(matches, HTTPStatus.INTERNAL_SERVER_ERROR)


def request_id_of(request: HttpRequest) -> str:
    """Return the request's id: the middleware's, else a well-formed header, else a new one, kept."""
    known = getattr(request, "request_id", None) or request.headers.get("X-Request-Id", "")
    if not REQUEST_ID.fullmatch(str(known)):
        known = uuid.uuid4().hex
    request.request_id = str(known)  # type: ignore[attr-defined]
    return str(known)


def problem_body(error: DomainError, request_id: str) -> dict[str, Any]:
    """Return the problem as it goes out."""
    body: dict[str, Any] = {
        "type": f"/problems/{error.code}",
        "title": error.title(),
        "status": int(status_of(error)),
        "detail": error.detail,
        "code": error.code,
        "errors": [_item(item) for item in error.errors],
        "request_id": request_id,
    }
    return body | {name: value for name, value in error.extra.items() if name not in body}


def render_problem(error: DomainError, request_id: str) -> tuple[int, bytes]:
    """Return status and encoded problem; if even that fails, a plain `server.error`."""
    try:
        content = json.dumps(problem_body(error, request_id), ensure_ascii=False, default=str).encode()
    except Exception:  # the last fence: nothing may come out of the error renderer
        logger.exception("problem_not_rendered", code=type(error).code)
        plain = problem_body(ServerError(), request_id)
        return HTTPStatus.INTERNAL_SERVER_ERROR, json.dumps(plain).encode()
    return status_of(error), content


def problem_headers(error: DomainError) -> dict[str, str]:
    """Return the headers that an error carries besides its body."""
    headers = {"Cache-Control": "private, no-cache"}
    if isinstance(error, errors.Unauthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="sextant"'
    retry_after_s = error.retry_after_s
    if retry_after_s is None and isinstance(error, errors.Unavailable | errors.Throttled):
        retry_after_s = UNAVAILABLE_RETRY_S
    if retry_after_s is not None:
        headers["Retry-After"] = str(max(1, retry_after_s))
    if isinstance(error, RateLimited):
        headers |= error.decision.headers
    return headers


def problem_response(request: HttpRequest, error: DomainError) -> HttpResponse:
    """Return the answer to an error: a problem for the API, a page for people."""
    if not is_api(request):
        return _error_page(request, error)
    return problem_answer(request, error)


def problem_answer(request: HttpRequest, error: DomainError) -> HttpResponse:
    """Return an error as a problem, wherever the address stands, and count what operators watch."""
    _count(error)
    request_id = request_id_of(request)
    status, content = render_problem(error, request_id)
    response = HttpResponse(content, status=status, content_type=MEDIA_TYPE, headers=problem_headers(error))
    response["X-Request-Id"] = request_id
    patch_vary_headers(response, VARY)
    return response


def _count(error: DomainError) -> None:
    if isinstance(error, errors.Unauthenticated):
        metrics.auth_failures.labels(code=error.code).inc()


def is_api(request: HttpRequest) -> bool:
    """Tell whether programs call the address: the API, and MCP."""
    return request.path.startswith(API_PREFIX) or request.path == MCP_PATH


def is_full_disk(error: BaseException) -> bool:
    """Tell whether nothing could be written because there is no room left."""
    return isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}


def as_domain_error(error: BaseException) -> DomainError | None:
    """Return what an exception of ours, DRF or Django means to the caller; None for a fault of ours."""
    if isinstance(error, DomainError):
        return error
    if isinstance(error, drf_errors.APIException):
        return _from_drf(error)
    if isinstance(error, OperationalError | InterfaceError) or is_full_disk(error):
        return errors.Unavailable()
    for raised, meant in DJANGO_ERRORS.items():
        if isinstance(error, raised):
            return meant()
    return None


# Subclasses first: TooManyFieldsSent and the like are suspicious operations, too.
DJANGO_ERRORS: Mapping[type[BaseException], Callable[[], DomainError]] = {
    Http404: errors.NotFound,
    django_errors.ObjectDoesNotExist: errors.NotFound,
    django_errors.PermissionDenied: errors.Forbidden,
    django_errors.RequestDataTooBig: errors.TooLarge,
    django_errors.TooManyFilesSent: lambda: errors.TooLarge("The form has too many files."),
    django_errors.TooManyFieldsSent: lambda: errors.TooLarge("The form has too many fields."),
    django_errors.SuspiciousOperation: errors.Malformed,
    MultiPartParserError: lambda: errors.Malformed("The multipart body is broken."),
    RawPostDataException: lambda: errors.Malformed("The body was cut off."),
    UnicodeDecodeError: lambda: errors.Malformed("The request is not valid UTF-8."),
}


def exception_handler(error: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """Answer an exception out of an API view; DRF's EXCEPTION_HANDLER.

    A fault of ours goes on as it is, so that Django logs it with its trace; `ProblemMiddleware` answers.
    """
    meant = as_domain_error(error)
    if meant is None:
        return None
    if isinstance(error, OperationalError | InterfaceError):
        logger.warning("database_unavailable", error=str(error).partition("\n")[0])
    if is_full_disk(error):
        logger.error("disk_full", error=str(error))
    response = problem_response(context["request"]._request, meant)  # noqa: SLF001 - DRF's own name for it
    if isinstance(meant, MethodNotAllowed):
        response["Allow"] = ", ".join(context["view"].allowed_methods)
    return response


class ProblemMiddleware:
    """Answers exceptions out of any view, so that DEBUG and plain Django views give the same problems."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass the request on."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer what a view raised; a fault of ours on a page is left to Django's handler500."""
        meant = as_domain_error(error)
        if meant is None and is_api(request):
            logger.error("request_failed", route=route_of(request), exc_info=error)
            meant = ServerError()
        return problem_response(request, meant) if meant else None


def handle_400(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer a request that Django itself refused: a forged host, too many fields."""
    meant = as_domain_error(exception) if exception else None
    return problem_response(request, meant or errors.Malformed())


def handle_403(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer a PermissionDenied."""
    return problem_response(request, errors.Forbidden())


def handle_404(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer an address that nothing is routed to."""
    return problem_response(request, errors.NotFound())


def handle_500(request: HttpRequest) -> HttpResponse:
    """Answer a fault of ours; Django has logged it."""
    return problem_response(request, ServerError())


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a failed CSRF check; Django's CSRF_FAILURE_VIEW."""
    return problem_response(request, CsrfFailed())


def problem_page(request: HttpRequest, code: str) -> HttpResponse:
    """Explain one error code: the page behind a problem's `type`; 404 for an unknown code."""
    known = {cls.code: cls for cls in errors.iter_error_classes() if "code" in vars(cls)}
    cls = known.get(code)
    if cls is None:
        return problem_response(request, errors.NotFound("There is no such error code."))
    title, _, explanation = cls.explanation().partition("\n")
    context = {
        "code": code,
        "title": title,
        "explanation": explanation.strip(),
        "status": int(status_of(cls)),
    }
    return render(request, "errors/problem.html", context)


def _error_page(request: HttpRequest, error: DomainError) -> HttpResponse:
    """Return the HTML page of an error; `errors/<status>.html` first, plain text if the templates fail."""
    status = status_of(error)
    context = {
        "code": error.code,
        "title": error.title(),
        "detail": error.detail,
        "status": int(status),
        "request_id": request_id_of(request),
    }
    try:
        response = render(request, "errors/error.html", context, status=status)
    except Exception as failure:  # the last fence, see render_problem
        if not isinstance(failure, TemplateDoesNotExist):
            logger.exception("error_page_not_rendered", code=error.code)
        response = HttpResponse(error.detail, status=status, content_type="text/plain; charset=utf-8")
    for name, value in problem_headers(error).items():
        response[name] = value
    return response


def _from_drf(error: drf_errors.APIException) -> DomainError:
    """Return the domain error of one of DRF's own."""
    detail = str(getattr(error.detail, "message", "") or error.detail)
    if isinstance(error, drf_errors.ValidationError):
        return errors.Invalid(errors=list(field_errors(error.detail)))
    if isinstance(error, drf_errors.UnsupportedMediaType):
        return UnsupportedMediaType(detail)
    meant = DRF_ERRORS.get(type(error))
    return meant(detail) if meant else ServerError()


DRF_ERRORS: Mapping[type[drf_errors.APIException], type[DomainError]] = {
    drf_errors.ParseError: errors.Malformed,
    drf_errors.NotAuthenticated: errors.Unauthenticated,
    drf_errors.AuthenticationFailed: errors.Unauthenticated,
    drf_errors.PermissionDenied: errors.Forbidden,
    drf_errors.NotFound: errors.NotFound,
    drf_errors.MethodNotAllowed: MethodNotAllowed,
    drf_errors.NotAcceptable: NotAcceptable,
    drf_errors.Throttled: errors.Throttled,
}


def field_errors(detail: Any, pointer: str = "") -> Iterator[FieldError]:
    """Yield one item per message of a serializer's nested error detail, with its JSON pointer."""
    if isinstance(detail, Mapping):
        for name, below in detail.items():
            is_whole = name == api_settings.NON_FIELD_ERRORS_KEY
            yield from field_errors(below, pointer if is_whole else f"{pointer}/{_escaped(str(name))}")
    elif isinstance(detail, Sequence) and not isinstance(detail, str):
        for number, below in enumerate(detail):
            is_message = isinstance(below, str)
            yield from field_errors(below, pointer if is_message else f"{pointer}/{number}")
    else:
        yield FieldError(detail=str(detail), code=getattr(detail, "code", "invalid"), pointer=pointer)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _item(item: FieldError) -> dict[str, str]:
    place = {"pointer": item.pointer, "parameter": item.parameter}
    named = {name: value for name, value in place.items() if value is not None}
    return named | {"code": item.code, "detail": item.detail}
