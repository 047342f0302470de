"""Strong entity tags: of a representation's bytes, so that a tag never outlives what it stands for."""

import hashlib

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from apps.common.errors import PreconditionFailed

KEPT_ON_304 = (
    "ETag",
    "Cache-Control",
    "Vary",
    "X-Request-Id",
    "Last-Modified",
    "Content-Location",
    # The copy is good for the current version, which may be newer than the one the copy came with.
    "Sextant-Version",
)


def strong_etag(*parts: bytes | str) -> str:
    """Return the tag of some bytes, or of the facts that decide them (a version number, a query)."""
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        digest.update(len(raw).to_bytes(8) + raw)
    return f'"{digest.hexdigest()[:32]}"'


def matches(header: str, etag: str) -> bool:
    """Tell whether a header lists `etag`, or is `*`.

    A compressing proxy turns our strong tags into `W/"..."`; the prefix is ignored, else no update through
    such a proxy could ever match.
    """
    listed = {tag.strip().removeprefix("W/") for tag in header.split(",")}
    return header.strip() == "*" or etag in listed


def is_fresh(request: HttpRequest, etag: str) -> bool:
    """Tell whether the caller of a GET or HEAD holds this representation already."""
    header = request.headers.get("If-None-Match")
    return request.method in {"GET", "HEAD"} and header is not None and matches(header, etag)


def check_if_match(request: HttpRequest, etag: str) -> None:
    """Raise PreconditionFailed if the request names another state of the object than `etag`."""
    header = request.headers.get("If-Match")
    if header is not None and not matches(header, etag):
        raise PreconditionFailed


def not_modified(response: HttpResponseBase) -> HttpResponse:
    """Return the 304 that stands for a response."""
    short = HttpResponse(status=304)
    del short["Content-Type"]
    for name in KEPT_ON_304:
        if name in response:
            short[name] = response[name]
    return short
