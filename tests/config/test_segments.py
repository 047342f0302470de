"""Looking routes up by their first segment changes nothing but the time it takes."""

from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.urls import Resolver404, URLResolver, path, resolve
from django.urls.resolvers import ResolverMatch

from config.segments import SegmentResolver, by_segment
from tests.architecture.routes import addresses


def view(*_: Any, **__: Any) -> HttpResponse:
    """Stand behind a route."""
    return HttpResponse()


def answers(find: Callable[[str], ResolverMatch], paths: list[str]) -> list[Any]:
    found: list[Any] = []
    for each in paths:
        try:
            match = find(each)
            found.append((match.func, match.args, match.kwargs, match.route, match.view_name))
        except Resolver404:
            found.append(None)
    return found


def test_every_address_leads_where_trying_in_turn_does(monkeypatch: pytest.MonkeyPatch) -> None:
    known = [address.path for address in addresses() if address.is_api]
    paths = sorted({*known, *(f"{each}/" for each in known), "/api/v1/", "/api/v1/nowhere", "/api/v1/Me"})
    assert len(paths) > 300
    looked_up = answers(resolve, paths)
    monkeypatch.setattr(SegmentResolver, "resolve", URLResolver.resolve)
    assert looked_up == answers(resolve, paths)


def test_a_route_that_begins_with_a_place_keeps_its_turn() -> None:
    routes = [path("a/first", view, name="1"), path("<str:any>/first", view, name="2"), path("b/first", view)]
    resolver = by_segment("", routes)
    assert [resolver.resolve(each).url_name for each in ("a/first", "b/first", "c/first")] == ["1", "2", "2"]
    with pytest.raises(Resolver404):
        resolver.resolve("a/second")
