"""Every address of the installation, read from the URL configuration."""

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

# Route prefix -> why nobody needs to sign in.
PUBLIC = {
    "accounts/login/": "sign-in",
    "accounts/logout/": "sign-out",
    "accounts/signup/": "registration",
    "accounts/password/forgot/": "asks for a link by mail",
    "accounts/password/reset/": "takes the key of a link",
    "accounts/verify/": "takes the key of a link",
    "api/v1/auth/register": "registration",
    "api/v1/auth/verify-email": "takes the key of a link",
    "api/v1/auth/password/forgot": "asks for a link by mail",
    "api/v1/auth/password/reset": "takes the key of a link",
    "accounts/invitation": "an invitation's mail leads here; only its addressee can accept",
    "admin/login/": "sign-in",
    "admin/logout/": "answers by the sign-in page",
    "admin/jsi18n/": "translations of the admin's scripts",
    "problems/": "what an error code means",
    "api/docs": "the documentation of the API",
    "api/v1/openapi": "the documentation of the API",
    "api/v1/auth/login": "sign-in",
    "api/v1/auth/refresh": "takes the refresh token",
    "api/v1/manifest-keys": "verifies manifests that somebody was handed",
    "api/v1/preview/resolve": "takes the token of a preview",
    "api/v1/preview/grants": "takes the token of a preview",
    "api/v1/preview/download/": "takes the grant of a download",
    "p/": "who has a preview's link has no account",
    "api/v1/.*": "redirects to the address without slash",
    "(?!api(?:/|$)).*[^/]": "redirects to the address with slash",
    "mcp/": "redirects to the address without slash",
    "readyz": "probe",
    "healthz": "probe; facts need a token",
    "api/v1/health": "probe",
    "metrics": "loopback, or a token",
}
NOWHERE = "api/"  # what is left of the API's addresses: 404 for everybody
# A segment with the place that follows it, in either syntax of routes.
PLACE = re.compile(r"(\w[\w-]*)/(?:<[^>]+>|\(\?P<\w+>[^)]*\))")
FURTHER = re.compile(r"<int:\w+>")
METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Address:
    """One route and the methods that its view has."""

    route: str
    methods: tuple[str, ...]
    is_api: bool
    view: Any = None

    @property
    def is_public(self) -> bool:
        return self.route == NOWHERE or any(self.route.startswith(prefix) for prefix in PUBLIC)

    @property
    def path(self) -> str:
        """Return an address below which there is nothing."""
        return "/" + _filled(self.route)

    def path_to(self, row_of: Callable[[str], Any]) -> str:
        """Return the address of real rows; `row_of` gives what stands after a segment, as `datasets`."""
        path = PLACE.sub(lambda match: f"{match[1]}/{row_of(match[1])}", self.route)
        # What is left are further numbers of one place, as of a map tile.
        return "/" + FURTHER.sub("0", path)

    def permission_of(self, method: str) -> str:
        """Return the permission that the view declares for a method; empty if none."""
        if hasattr(self.view, "permission"):  # a page
            return str(self.view.permission)
        view_class, actions = self.view.cls, self.view.actions
        action = actions[method]
        _, needed = getattr(view_class, "rights", {}).get(action, ("", ""))
        return str(needed or view_class.permissions.get(action, view_class.permission))


def _filled(route: str) -> str:
    """Put something that does not exist into each place of a route."""
    parts = []
    rest = route
    while "<" in rest:
        before, _, rest = rest.partition("<")
        converter, _, rest = rest.partition(">")
        wants_number = converter.startswith("int") or rest.startswith(("[0-9]", "\\d"))
        parts += [before.removesuffix("(?P"), "7" if wants_number else str(uuid.UUID(int=7))]
        if before.endswith("(?P"):
            rest = rest.partition(")")[2]
    return "".join([*parts, rest])


def _walk(patterns: Any, prefix: str = "") -> Iterator[Address]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern).removeprefix("^").removesuffix("$").removesuffix("\\Z")
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield Address(
                route,
                _methods(pattern.callback),
                route == "mcp" or route.startswith("api/"),
                pattern.callback,
            )


def _methods(view: Any) -> tuple[str, ...]:
    actions = getattr(view, "actions", None)
    if actions:
        return tuple(method for method in METHODS if method in actions)
    owner = getattr(view, "view_class", None) or getattr(view, "cls", None)
    return tuple(method for method in METHODS if hasattr(owner, method)) if owner else ("get", "post")


@cache
def addresses() -> tuple[Address, ...]:
    return tuple(_walk(get_resolver().url_patterns))
