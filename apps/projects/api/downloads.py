"""Bytes of a repository as a download that no browser shows: attachment, no sniffing, empty sandbox."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from apps.common.streaming import stream
from apps.projects.queries.files import FoundFile
from apps.projects.reading.raw import ByteRange, iter_range, looks_like_text, parse_range
from apps.projects.states import FileKind

POLICY: Final = "default-src 'none'; sandbox"
PARTIAL: Final = 206
NOT_SATISFIABLE: Final = 416


def raw_answer(request: HttpRequest, found: FoundFile, etag: str) -> HttpResponseBase:
    """Return the bytes of a file or link, or the range that the request asks for, a piece at a time."""
    size_bytes = found.entry.size_bytes or 0
    wanted = _range_of(request, size_bytes, etag)
    if wanted is not None and not wanted.length:
        return _headed(HttpResponse(status=NOT_SATISFIABLE), {"Content-Range": f"bytes */{size_bytes}"})
    sent = wanted or ByteRange(0, size_bytes)
    pieces: Iterator[bytes] = (
        iter_range(found.repository, found.entry.blob_id, sent) if sent.length else iter(())
    )
    response = stream(request, pieces, content_type=_content_type(found), file_name="file")
    response["Content-Disposition"] = f"attachment; filename*=utf-8''{quote(found.entry.name, safe='')}"
    headers = {"ETag": etag, "Content-Length": str(sent.length)}
    if wanted is not None:
        response.status_code = PARTIAL
        headers["Content-Range"] = f"bytes {sent.start}-{sent.end - 1}/{size_bytes}"
    return _headed(response, headers)


def _headed(response: HttpResponseBase, headers: dict[str, str]) -> HttpResponseBase:
    common = {
        "Accept-Ranges": "bytes",
        "Content-Security-Policy": POLICY,
        "X-Content-Type-Options": "nosniff",
    }
    for name, value in (common | headers).items():
        response[name] = value
    return response


def _range_of(request: HttpRequest, size_bytes: int, etag: str) -> ByteRange | None:
    """Return the range that is asked for, unless it is one of another state of the file."""
    header = request.headers.get("Range")
    if header is None or request.headers.get("If-Range", etag) != etag:
        return None
    return parse_range(header, size_bytes)


def _content_type(found: FoundFile) -> str:
    entry = found.entry
    is_binary = entry.is_binary
    if is_binary is None and entry.kind is not FileKind.SYMLINK:
        is_binary = not looks_like_text(found.repository, entry.blob_id)
    return "application/octet-stream" if is_binary else "text/plain"
