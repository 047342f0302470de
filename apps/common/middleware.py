"""What happens around every HTTP request: its id, its line in the log, the headers that harden its answer."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from http import HTTPStatus
from typing import Any, Final

import structlog
from django.conf import settings
from django.db import connections
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.common import throttles
from apps.common.addresses import client_address
from apps.common.logs import route_of
from apps.common.origin import USER_AGENT_MAX_LENGTH, Origin, served_for
from apps.common.problems import problem_response, request_id_of
from apps.common.throttles.gcra import Decision

SLOW_MS: Final = 1_000
BODILESS: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})
COUNTED_PREFIX: Final = "/api/v1/"
# Load balancers ask often, and all from one address.
UNCOUNTED: Final = frozenset({"/api/v1/health"})

logger = structlog.get_logger(__name__)

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class RequestContext:
    """Binds the request's id to every log line, returns it, and writes one line per request.

    Whoever is found to call is bound by the authentication: user_id, organization_id, key_prefix.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass the request on, and log how it went."""
        started_s = time.perf_counter()
        counter = QueryCounter()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id_of(request))
        try:
            with counter, served_for(_origin_of(request)):
                response = self.get_response(request)
            response["X-Request-Id"] = request_id_of(request)
            _log(request, response, duration_ms=(time.perf_counter() - started_s) * 1_000, counter=counter)
        finally:
            structlog.contextvars.clear_contextvars()
        return response


class QueryCounter:
    """Counts the statements that this thread sends to any database while it is open."""

    def __init__(self) -> None:
        self.count = 0
        self._stack = ExitStack()

    def __enter__(self) -> None:
        for connection in connections.all():
            self._stack.enter_context(connection.execute_wrapper(self._note))

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _note(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        self.count += 1
        return execute(*arguments)


def _origin_of(request: HttpRequest) -> Origin:
    return Origin(
        ip=client_address(request),
        user_agent=request.headers.get("User-Agent", "")[:USER_AGENT_MAX_LENGTH],
        request_id=request_id_of(request),
    )


def _log(
    request: HttpRequest, response: HttpResponseBase, *, duration_ms: float, counter: QueryCounter
) -> None:
    write = logger.warning if duration_ms > SLOW_MS else logger.info
    write(
        "request",
        method=request.method,
        route=route_of(request),
        status=response.status_code,
        duration_ms=round(duration_ms, 1),
        db_queries=counter.count,
        ip=client_address(request),
    )


class RateLimits:
    """Tells every answer of the API how much is left, and counts what no viewset counts, by address."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass the request on, and add the headers that the answer does not set itself."""
        response = self.get_response(request)
        decision: Decision | None = getattr(request, "rate_limit", None)
        for name, value in (decision.headers if decision else {}).items():
            response.setdefault(name, value)
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        """Count addresses that nobody answers, and views that are no viewsets, by network address."""
        counts_itself = hasattr(view, "actions")  # DRF puts the methods of a viewset on its view
        if counts_itself or not request.path.startswith(COUNTED_PREFIX) or request.path in UNCOUNTED:
            return None
        try:
            request.rate_limit = throttles.take_for(throttles.stranger(request), "api")  # type: ignore[attr-defined]
        except throttles.RateLimited as limited:
            return problem_response(request, limited)
        return None


class HardeningHeaders:
    """Adds the headers that Django's SecurityMiddleware does not know, and takes a wrong length away."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass the request on, and add the headers that the answer does not set itself."""
        response = self.get_response(request)
        for name, value in settings.HARDENING_HEADERS.items():
            response.setdefault(name, value)
        if response.status_code in BODILESS and "Content-Length" in response:
            # Django counts no bytes; for a 304 that would be the length of the caller's copy (RFC 9110, 8.6).
            del response["Content-Length"]
        return response
