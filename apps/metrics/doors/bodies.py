"""Bodies as they were sent, inflated in steps against a cap."""

import io
import zlib
from collections.abc import Callable, Iterator
from typing import Final, Protocol

import zstandard

from apps.common.errors import Malformed, TooLarge
from apps.common.problems import UnsupportedMediaType

GZIP: Final = zlib.MAX_WBITS | 16
# What RFC 9659 allows for zstd in HTTP.
ZSTD_WINDOW_BYTES: Final = 8 * 1024 * 1024
# Small enough that one step inflates to less than 9 MiB: deflate makes at most 1,032 bytes of one, a block of
# zstd at most 128 KiB of four. Whole bodies at once would be inflated before anybody could count.
GZIP_STEP_BYTES: Final = 8 * 1024
ZSTD_STEP_BYTES: Final = 256
# A body may be several compressed streams in a row; each costs a new decompressor.
MAX_STREAMS: Final = 1_000


class _Inflater(Protocol):
    """What zlib and zstandard have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


def inflate(body: bytes, encoding: str, max_bytes: int) -> bytes:
    """Return a body without its Content-Encoding: none, identity, gzip or zstd.

    Raises TooLarge as soon as it has more than `max_bytes`, Malformed if it is broken or cut off, and
    UnsupportedMediaType for other encodings.
    """
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        _check_size(len(body), max_bytes)
        return body
    if name not in _ENCODINGS:
        raise UnsupportedMediaType("The body's encoding is none of gzip and zstd.")
    found = io.BytesIO()
    try:
        for block in _inflated(body, *_ENCODINGS[name]):
            found.write(block)
            _check_size(found.tell(), max_bytes)
    except (zlib.error, zstandard.ZstdError) as error:
        raise Malformed(f"The body is not, or not only, {name} data.") from error
    return found.getvalue()


def _inflated(body: bytes, start: Callable[[], _Inflater], step_bytes: int) -> Iterator[bytes]:
    """Yield the content of a body of one or more compressed streams."""
    inflater, streams = start(), 1
    for place in range(0, len(body), step_bytes):
        piece = body[place : place + step_bytes]
        while piece:
            if inflater.eof:
                inflater, streams = start(), streams + 1
                _check_streams(streams)
            yield inflater.decompress(piece)
            piece = inflater.unused_data if inflater.eof else b""
    if not inflater.eof:
        raise Malformed("The compressed body is cut off.")


def _start_gzip() -> _Inflater:
    return zlib.decompressobj(GZIP)


def _start_zstd() -> _Inflater:
    return zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES).decompressobj()


_ENCODINGS: Final[dict[str, tuple[Callable[[], _Inflater], int]]] = {
    "gzip": (_start_gzip, GZIP_STEP_BYTES),
    "x-gzip": (_start_gzip, GZIP_STEP_BYTES),
    "zstd": (_start_zstd, ZSTD_STEP_BYTES),
}


def _check_size(size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise TooLarge(f"The body has more than {max_bytes} bytes when it is inflated.")


def _check_streams(streams: int) -> None:
    if streams > MAX_STREAMS:
        raise Malformed(f"The body has more than {MAX_STREAMS} compressed streams.")
