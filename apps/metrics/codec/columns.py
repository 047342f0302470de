"""One column of a payload as bytes: raw little-endian, or pcodec, which is lossless and knows numbers."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pcodec import ChunkConfig, standalone  # type: ignore[import-untyped]  # it ships no types

from apps.metrics.codec.errors import CorruptPayload

RAW: Final = 0
PCODEC: Final = 1
INT64: Final = np.dtype("<i8")
FLOAT64: Final = np.dtype("<f8")
# Shorter columns than this grow under pcodec.
_FEWEST_FOR_PCODEC: Final = 16
_SETTINGS: Final = ChunkConfig(compression_level=4)

Column = npt.NDArray[Any]


def codec_for(length: int) -> int:
    """Return the codec in which columns of this length are written."""
    return RAW if length < _FEWEST_FOR_PCODEC else PCODEC


def write_column(column: Column, codec: int) -> bytes:
    """Return a column of int64 or float64 as bytes."""
    contiguous = np.ascontiguousarray(column, dtype=column.dtype.newbyteorder("<"))
    if codec == RAW:
        return contiguous.tobytes()
    packed: bytes = standalone.simple_compress(contiguous, _SETTINGS)
    return packed


def read_column(block: bytes, codec: int, dtype: npt.DTypeLike, length: int) -> Column:
    """Return the column that these bytes are.

    Raises CorruptPayload if the codec is unknown, or they are not a column of this type and length.
    """
    if codec not in _READERS:
        raise CorruptPayload(f"codec {codec} of the payload is unknown; this release reads {_KNOWN}")
    return _READERS[codec](block, np.empty(length, dtype=dtype))


def _read_raw(block: bytes, column: Column) -> Column:
    if len(block) != column.nbytes:
        raise CorruptPayload(f"a raw column has {len(block)} bytes, {column.nbytes} are claimed")
    column[:] = np.frombuffer(block, dtype=column.dtype)
    return column


def _read_pcodec(block: bytes, column: Column) -> Column:
    try:
        progress = standalone.simple_decompress_into(block, column)
    except (RuntimeError, TypeError) as error:
        raise CorruptPayload(f"a column of {column.dtype} cannot be decompressed: {error}") from error
    if progress.n_processed != len(column) or not progress.finished:
        found = "more" if not progress.finished else str(progress.n_processed)
        raise CorruptPayload(f"a column decompresses to {found} entries, {len(column)} are claimed")
    return column


# Every codec ever written stays here.
_READERS: Final[Mapping[int, Callable[[bytes, Column], Column]]] = {RAW: _read_raw, PCODEC: _read_pcodec}
_KNOWN: Final = ", ".join(str(codec) for codec in _READERS)
