"""Routes looked up by the first segment of an address, instead of tried in turn.

The API has some 240 routes. Django tries one after the other and notes each that failed, which for the last
of them takes a sixth of a whole request.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from django.urls import URLPattern, URLResolver
from django.urls.exceptions import Resolver404
from django.urls.resolvers import RegexPattern, ResolverMatch, RoutePattern

# A segment that stands for itself in both syntaxes of routes.
LITERAL: Final = re.compile(r"\^?([A-Za-z0-9_-]+)(?=/|\$|\\Z|\Z)")

Route = URLPattern | URLResolver


class SegmentResolver(URLResolver):
    """Tries only the routes below it that the first segment of an address leaves, in their order.

    For everything else, such as `reverse`, it has all of them.
    """

    def __init__(self, pattern: Any, routes: Sequence[Route], *arguments: Any) -> None:
        super().__init__(pattern, routes, *arguments)
        segments = {segment for route in routes for segment in _segments_of(route)}
        self._by_segment = {
            segment: URLResolver(pattern, _narrowed(routes, segment), *arguments) for segment in segments
        }

    def resolve(self, path: str) -> ResolverMatch:
        """Return the match; raises Resolver404."""
        path = str(path)
        matched = self.pattern.match(path)
        if not matched:
            raise Resolver404({"path": path})
        segment = matched[0].partition("/")[0]
        # Routes that begin with a place of their own stand under no segment, and in every one.
        return self._by_segment.get(segment, self._by_segment[""]).resolve(path)


def by_segment(prefix: str, routes: Sequence[Route]) -> SegmentResolver:
    """Return `path(prefix, include(routes))` that looks its routes up."""
    return SegmentResolver(RoutePattern(prefix, is_endpoint=False), routes)


def _segments_of(route: Route) -> set[str]:
    """Return the first segments that a route answers to; the empty one for those that any may be."""
    if isinstance(route, URLResolver) and str(route.pattern) == "":
        return {"", *(segment for below in route.url_patterns for segment in _segments_of(below))}
    found = (
        LITERAL.match(str(route.pattern)) if isinstance(route.pattern, RoutePattern | RegexPattern) else None
    )
    return {found[1] if found else ""}


def _narrowed(routes: Sequence[Route], segment: str) -> list[Route]:
    """Return the routes that may answer to a segment; of those that only include others, a narrowed one."""
    kept: list[Route] = []
    for route in routes:
        if not _segments_of(route) & {"", segment}:
            continue
        if isinstance(route, URLResolver) and str(route.pattern) == "":
            below = _narrowed(route.url_patterns, segment)
            if not below:
                continue
            route = URLResolver(  # noqa: PLW2901 - the same one, narrowed
                route.pattern, below, route.default_kwargs, route.app_name, route.namespace
            )
        kept.append(route)
    return kept
