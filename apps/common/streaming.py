"""Long answers in pieces: only one piece at a time is in memory, whichever server sends it."""

from collections.abc import AsyncIterator, Generator, Iterator

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse


def stream(
    request: HttpRequest, pieces: Iterator[bytes], *, content_type: str, file_name: str
) -> StreamingHttpResponse:
    """Return an attachment that is made while it is sent.

    An ASGI server would read a plain iterator to its end before the first byte leaves.
    """
    return StreamingHttpResponse(
        _without_blocking(pieces) if isinstance(request, ASGIRequest) else pieces,
        content_type=content_type,
        headers={
            "Content-Disposition": f'attachment; filename="{file_name}"',
            "X-Content-Type-Options": "nosniff",
        },
    )


async def _without_blocking(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the pieces, each made in the request's own thread, where its database connection is."""
    next_piece = sync_to_async(lambda: next(pieces, None))
    try:
        while (piece := await next_piece()) is not None:
            yield piece
    finally:
        # A client that leaves early must not leave a cursor behind for whichever thread collects garbage.
        if isinstance(pieces, Generator):
            await sync_to_async(pieces.close)()
