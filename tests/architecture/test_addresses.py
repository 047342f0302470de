"""Every address is behind the sign-in, or listed here as public; strangers find nothing.

The table is read from the URL configuration: a new endpoint is covered without anyone remembering.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient

from tests.furniture.people import Actors

# Route prefix -> why nobody needs to sign in.
PUBLIC = {
    "accounts/login/": "sign-in",
    "accounts/logout/": "sign-out",
    "accounts/signup/": "registration",
    "admin/login/": "sign-in",
    "admin/logout/": "answers by the sign-in page",
    "admin/jsi18n/": "translations of the admin's scripts",
    "problems/": "what an error code means",
    "api/docs": "the documentation of the API",
    "api/v1/openapi": "the documentation of the API",
    "api/v1/auth/login": "sign-in",
    "api/v1/auth/refresh": "takes the refresh token",
    "api/v1/.*": "redirects to the address without slash",
    "(?!api/).*[^/]": "redirects to the address with slash",
    "mcp/": "redirects to the address without slash",
    "readyz": "probe",
    "healthz": "probe; facts need a token",
    "api/v1/health": "probe",
    "metrics": "loopback, or a token",
}
NOWHERE = "api/"  # what is left of the API's addresses: 404 for everybody
METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Address:
    """One route and the methods that its view has."""

    route: str
    methods: tuple[str, ...]
    is_api: bool

    @property
    def is_public(self) -> bool:
        return self.route == NOWHERE or any(self.route.startswith(prefix) for prefix in PUBLIC)

    @property
    def path(self) -> str:
        return "/" + _filled(self.route)


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
            yield Address(route, _methods(pattern.callback), route == "mcp" or route.startswith("api/"))


def _methods(view: Any) -> tuple[str, ...]:
    actions = getattr(view, "actions", None)
    if actions:
        return tuple(method for method in METHODS if method in actions)
    owner = getattr(view, "view_class", None) or getattr(view, "cls", None)
    return tuple(method for method in METHODS if hasattr(owner, method)) if owner else ("get", "post")


@cache
def addresses() -> tuple[Address, ...]:
    return tuple(_walk(get_resolver().url_patterns))


PRIVATE = [address for address in addresses() if not address.is_public]
CALLS = [(address, method) for address in PRIVATE for method in address.methods]


def name_call(value: Any) -> str:
    return value.route if isinstance(value, Address) else str(value)


@pytest.mark.parametrize(("address", "method"), CALLS, ids=name_call)
def test_nobody_gets_in_without_signing_in(db: None, address: Address, method: str) -> None:
    client: Client = APIClient() if address.is_api else Client()
    response = getattr(client, method)(address.path)
    if address.is_api:
        assert response.status_code == 401
        assert response.json()["code"] == "auth.required"
    else:
        assert response.status_code in {302, 405}
        if response.status_code == 302:
            assert "login" in response["Location"]


@pytest.mark.parametrize(
    ("address", "method"), [(a, m) for a, m in CALLS if a.is_api and "<" in a.route], ids=name_call
)
@pytest.mark.parametrize("name", ["admin", "key"])
def test_what_is_not_there_is_404_or_refused_and_never_an_error(
    actors: Actors, address: Address, method: str, name: str
) -> None:
    response = getattr(actors[name].api, method)(address.path, format="json")
    # 422: an empty body is refused before anything is looked up.
    assert response.status_code in {403, 404, 422}


def test_each_public_prefix_is_in_use() -> None:
    routes = [address.route for address in addresses()]
    unused = [prefix for prefix in PUBLIC if not any(route.startswith(prefix) for route in routes)]
    assert not unused


def test_addresses_of_the_api_have_no_trailing_slash() -> None:
    wrong = [a.route for a in PRIVATE if a.is_api and a.route.endswith("/")]
    assert not wrong
