"""Long answers in pieces: only one piece at a time is in memory, whichever server sends it."""

from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse


class _Stream(StreamingHttpResponse):
    """An answer that gives back what it holds, also if not one piece of it was asked for."""

    def __init__(self, *args: Any, close: Callable[[], None] | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if close is not None:
            # As Django's own FileResponse does; the stubs do not know it.
            self._resource_closers.append(close)  # type: ignore[attr-defined]


def stream(
    request: HttpRequest,
    pieces: Iterator[bytes],
    *,
    content_type: str,
    file_name: str,
    close: Callable[[], None] | None = None,
) -> StreamingHttpResponse:
    """Return an attachment that is made while it is sent; `close` is called when it is over.

    An ASGI server would read a plain iterator to its end before the first byte leaves.
    """
    return _Stream(
        _without_blocking(pieces) if isinstance(request, ASGIRequest) else pieces,
        close=close,
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
