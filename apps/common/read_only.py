"""Maintenance: reading goes on, nothing is changed."""

from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve

from apps.common.errors import Unavailable
from apps.common.problems import problem_response

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
# Its tools that read do so by POST as well; those that write are refused one by one.
SORTS_ITSELF: Final = "/mcp"
SIGN_IN_PATHS: Final = frozenset(
    {
        "/api/v1/auth/login",
        "/api/v1/auth/refresh",
        "/api/v1/auth/token",
        "/accounts/login/",
        "/accounts/logout/",
        "/admin/login/",
    }
)


class ReadOnly(Unavailable):
    """The installation is being worked on and takes no changes; reading goes on."""

    code = "service.read_only"


class ReadOnlyMode:
    """Refuses what changes something while MAINTENANCE_READ_ONLY is set; people can still sign in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        if not settings.MAINTENANCE_READ_ONLY:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass on what only reads, and what signs in."""
        if (
            request.method in SAFE_METHODS
            or request.path in {*SIGN_IN_PATHS, SORTS_ITSELF}
            or _only_reads(request)
        ):
            return self.get_response(request)
        return problem_response(request, ReadOnly())


def _only_reads(request: HttpRequest) -> bool:
    """Tell whether the view behind an address says that what this method does there only reads."""
    try:
        view: Any = resolve(request.path_info).func
    except Resolver404:
        return False
    action = getattr(view, "actions", {}).get((request.method or "").lower())
    return action in getattr(getattr(view, "cls", None), "reading_actions", ())
