"""Bundles as bytes: whole or a range of them, always as an attachment that no browser interprets."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.core.files.storage import default_storage
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse

from apps.common.streaming import stream
from apps.previews.errors import PreviewNotAvailable
from apps.previews.models import Bundle
from apps.previews.services import Grant

BLOCK_BYTES: Final = 256 * 1024
# One range alone (RFC 9110, 14.1.2): several would make a multipart answer that no client of ours asks for.
RANGE: Final = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")
CONTENT_TYPE: Final = "application/zip"


@dataclass(frozen=True, slots=True)
class Opened:
    """A grant as an answer tells of it."""

    url: str
    bundle: Bundle
    expires_at: Any


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes to be sent: from `start`, `length` of them."""

    start: int
    length: int
    is_part: bool


def granted(grant: Grant) -> Opened:
    """Return a grant with its address."""
    path = reverse("preview-download", args=[grant.raw])
    return Opened(f"{settings.BASE_URL}{path}", grant.bundle, grant.expires_at)


def tag_of(bundle: Bundle) -> str:
    """Return the strong tag of a bundle's bytes."""
    return f'"{bundle.sha256}"'


def wanted_span(request: HttpRequest, bundle: Bundle) -> Span | None:
    """Return which bytes a request asks for, None for a range that lies outside.

    Malformed and several ranges are ignored, as is one of another version (If-Range).
    """
    whole = Span(0, bundle.size_bytes, is_part=False)
    found = RANGE.fullmatch(request.headers.get("Range", "").strip())
    if found is None or request.headers.get("If-Range", tag_of(bundle)) != tag_of(bundle):
        return whole
    first, last = found[1], found[2]
    if not first:
        if not last:
            return whole
        length = min(int(last), bundle.size_bytes)
        return Span(bundle.size_bytes - length, length, is_part=True) if length else None
    start, end = int(first), min(int(last or bundle.size_bytes), bundle.size_bytes - 1)
    if last and int(last) < start:
        return whole
    return Span(start, end - start + 1, is_part=True) if start <= end else None


def send(request: HttpRequest, bundle: Bundle, span: Span, *, file_name: str) -> HttpResponseBase:
    """Return the answer that sends a span of a bundle; raises PreviewNotAvailable if its bytes are gone."""
    response = stream(request, _blocks(_opened(bundle), span), content_type=CONTENT_TYPE, file_name=file_name)
    response["Accept-Ranges"] = "bytes"
    response["Content-Length"] = str(span.length)
    response["ETag"] = tag_of(bundle)
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    if span.is_part:
        response.status_code = 206
        end = span.start + span.length - 1
        response["Content-Range"] = f"bytes {span.start}-{end}/{bundle.size_bytes}"
    return response


def outside(bundle: Bundle) -> HttpResponse:
    """Return the answer to a range that lies outside of the bundle."""
    return HttpResponse(status=416, headers={"Content-Range": f"bytes */{bundle.size_bytes}"})


def _opened(bundle: Bundle) -> Any:
    try:
        return default_storage.open(bundle.storage_key)
    except (FileNotFoundError, ValueError) as error:
        raise PreviewNotAvailable from error


def _blocks(file: Any, span: Span) -> Iterator[bytes]:
    """Yield the bytes; an open file outlives its deletion, so what was begun is sent to its end."""
    with file:
        file.seek(span.start)
        left = span.length
        while left > 0 and (block := file.read(min(BLOCK_BYTES, left))):
            left -= len(block)
            yield block
