"""Mapbox vector tiles 2.1 as bytes, by numpy.

A feature is nothing but variable-length integers (also its tags and lengths), so all features of a tile are
written down as one array of integers and encoded together. Protocol Buffers' wire format is in the comments
of the constants: field number times 8 plus wire type (0 an integer, 1 eight bytes, 2 bytes with a length).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from apps.datasets.queries import Bools, Floats, Int64s

EXTENT: Final = 4096

UInt64s = NDArray[np.uint64]
Column = Int64s | Floats | Bools | Sequence[str]

_LAYER: Final = (3 << 3) | 2
_VERSION: Final = bytes([15 << 3, 2])
_NAME: Final = (1 << 3) | 2
_FEATURE: Final = (2 << 3) | 2
_KEY: Final = (3 << 3) | 2
_VALUE: Final = (4 << 3) | 2
_EXTENT: Final = 5 << 3
_FEATURE_ID: Final = 1 << 3
_FEATURE_TAGS: Final = (2 << 3) | 2
_FEATURE_TYPE: Final = 3 << 3
_FEATURE_GEOMETRY: Final = (4 << 3) | 2
_POLYGON: Final = 3
_TEXT_VALUE: Final = (1 << 3) | 2
_DOUBLE_VALUE: Final = (3 << 3) | 1
_UNSIGNED_VALUE: Final = 5 << 3
_SIGNED_VALUE: Final = 6 << 3
_BOOLEAN_VALUE: Final = 7 << 3
_MOVE_TO: Final = (1 << 3) | 1
_LINE_TO: Final = 2
_CLOSE_PATH: Final = 15
_PAYLOAD_BITS: Final = 7


@dataclass(frozen=True, slots=True)
class Rings:
    """Polygons' outer rings in tile units, clockwise as drawn (y points down), not closed.

    `feature` is the feature's number of each ring, ascending from 0 without gaps; `sizes` how many points
    each ring has, at least 3; x and y hold the points of all rings one after the other.
    """

    feature: Int64s
    sizes: Int64s
    x: Int64s
    y: Int64s


def encode_layer(name: str, ids: Int64s, rings: Rings, columns: Mapping[str, Column]) -> bytes:
    """Return a tile of one layer: a polygon feature per id with the columns as attributes.

    Columns have an element per id; a NaN is left out of its feature.
    """
    keys = b"".join(_text(_KEY, key) for key in columns)
    tags, values = _tags(columns, ids.size)
    features = _features(ids, tags, _geometry(rings))
    content = b"".join(
        [_VERSION, _text(_NAME, name), features, keys, *values, bytes([_EXTENT]) + _integer(EXTENT)]
    )
    return bytes([_LAYER]) + _integer(len(content)) + content


def varints(numbers: npt.ArrayLike) -> bytes:
    """Return unsigned integers in base 128, low groups first; the high bit marks all groups but the last."""
    values = np.asarray(numbers).astype(np.uint64)
    sizes = _sizes(values)
    places = np.cumsum(sizes) - sizes
    found = np.empty(int(sizes.sum()), np.uint8)
    # Most numbers are short: each round goes on with those that have groups left.
    while values.size:
        rest = values >> np.uint64(_PAYLOAD_BITS)
        goes_on = rest > 0
        found[places] = (values.astype(np.uint8) & 0x7F) | (goes_on.astype(np.uint8) << _PAYLOAD_BITS)
        values, places = rest[goes_on], places[goes_on] + 1
    return found.tobytes()


def zigzag(numbers: Int64s) -> Int64s:
    """Return signed integers as unsigned ones, small where they are near zero."""
    return (numbers << 1) ^ (numbers >> 63)


@dataclass(frozen=True, slots=True)
class _Run:
    """Integers that belong to features: ascending feature number, and in order within each."""

    feature: Int64s
    numbers: Int64s


def _features(ids: Int64s, tags: _Run, geometry: _Run) -> bytes:
    """Return the features, each with its own length before it."""
    count = ids.size
    tag_bytes, geometry_bytes = _bytes_by_feature(tags, count), _bytes_by_feature(geometry, count)
    constants = 5  # the tags of id, tags, type and geometry, and the type itself
    lengths = constants + _sizes(ids) + sum(_sizes(each) + each for each in (tag_bytes, geometry_bytes))
    fixed: tuple[int | Int64s, ...] = (_FEATURE, lengths, _FEATURE_ID, ids, _FEATURE_TAGS, tag_bytes)
    middle: tuple[int | Int64s, ...] = (_FEATURE_TYPE, _POLYGON, _FEATURE_GEOMETRY, geometry_bytes)
    tag_counts, geometry_counts = (np.bincount(run.feature, minlength=count) for run in (tags, geometry))
    sizes = len(fixed) + len(middle) + tag_counts + geometry_counts
    starts = np.cumsum(sizes) - sizes
    numbers = np.zeros(int(sizes.sum()), np.int64)
    for index, column in enumerate(fixed):
        numbers[starts + index] = column
    middles = starts + len(fixed) + tag_counts
    for index, column in enumerate(middle):
        numbers[middles + index] = column
    numbers[_places(tags, tag_counts, starts + len(fixed))] = tags.numbers
    numbers[_places(geometry, geometry_counts, middles + len(middle))] = geometry.numbers
    return varints(numbers)


def _places(run: _Run, counts: Int64s, starts: Int64s) -> Int64s:
    """Return where each integer of a run stands, given where its feature's part begins."""
    before = np.cumsum(counts) - counts
    return np.arange(run.numbers.size) - before[run.feature] + starts[run.feature]


def _bytes_by_feature(run: _Run, count: int) -> Int64s:
    return np.bincount(run.feature, _sizes(run.numbers), minlength=count).astype(np.int64)


def _geometry(rings: Rings) -> _Run:
    """Return the commands that draw the rings: move, lines, close; the cursor goes on within a feature."""
    commands = 3  # the words before the first point, before the other points and after all
    sizes = 2 * rings.sizes + commands
    starts = np.cumsum(sizes) - sizes
    numbers = np.empty(int(sizes.sum()), np.int64)
    numbers[starts] = _MOVE_TO
    numbers[starts + 3] = ((rings.sizes - 1) << 3) | _LINE_TO
    numbers[starts + sizes - 1] = _CLOSE_PATH
    point_starts = np.cumsum(rings.sizes) - rings.sizes
    within = np.arange(rings.x.size) - np.repeat(point_starts, rings.sizes)
    # The word of the lines stands between the first point and the second.
    places = np.repeat(starts, rings.sizes) + 1 + 2 * within + (within > 0)
    is_first = np.zeros(rings.x.size, np.bool_)
    is_first[point_starts[np.diff(rings.feature, prepend=-1) > 0]] = True
    for offset, column in enumerate((rings.x, rings.y)):
        steps = np.diff(column, prepend=0)
        numbers[places + offset] = zigzag(np.where(is_first, column, steps))
    return _Run(np.repeat(rings.feature, sizes), numbers)


def _tags(columns: Mapping[str, Column], count: int) -> tuple[_Run, list[bytes]]:
    """Return each feature's pairs of key and value numbers, and the values."""
    values: list[bytes] = []
    pairs = np.full((count, len(columns), 2), -1, np.int64)
    for index, column in enumerate(columns.values()):
        numbers, encoded = _values(column)
        pairs[:, index, 0] = index
        pairs[:, index, 1] = np.where(numbers >= 0, numbers + len(values), -1)
        values += encoded
    flat = pairs.reshape(-1, 2)
    kept = flat[:, 1] >= 0
    features = np.repeat(np.arange(count), len(columns))[kept]
    return _Run(np.repeat(features, 2), flat[kept].reshape(-1)), values


def _values(column: Column) -> tuple[Int64s, list[bytes]]:
    """Return the number of each element's value (-1: none) and the distinct values as messages."""
    if len(column) and isinstance(column[0], str):
        places = {str(text): number for number, text in enumerate(dict.fromkeys(column))}
        # Names of cells differ all.
        is_different = len(places) == len(column)
        numbers = np.arange(len(column)) if is_different else np.array([places[str(text)] for text in column])
        contents = list(map(str.encode, places))
        heads = {size: _text_head(size) for size in set(map(len, contents))}
        return numbers, [heads[len(content)] + content for content in contents]
    array = np.asarray(column)
    distinct, numbers = np.unique(array, return_inverse=True)
    if array.dtype.kind == "f":
        numbers = np.where(np.isnan(array), -1, numbers)
        distinct = distinct[~np.isnan(distinct)]
        return numbers, [_value(bytes([_DOUBLE_VALUE]) + each.tobytes()) for each in distinct.astype("<f8")]
    return numbers, [_value(_whole(each, array.dtype.kind)) for each in distinct.tolist()]


def _whole(number: int, kind: str) -> bytes:
    """Return the field of a truth value or an integer."""
    if kind == "b":
        return bytes([_BOOLEAN_VALUE, number])
    if number >= 0:
        return bytes([_UNSIGNED_VALUE]) + _integer(number)
    return bytes([_SIGNED_VALUE]) + _integer(-2 * number - 1)


def _value(field: bytes) -> bytes:
    return bytes([_VALUE]) + _integer(len(field)) + field


def _text_head(size: int) -> bytes:
    """Return what stands before a text of so many bytes as a value; texts are many, their sizes few."""
    field = bytes([_TEXT_VALUE]) + _integer(size)
    return bytes([_VALUE]) + _integer(len(field) + size) + field


def _text(tag: int, text: str) -> bytes:
    content = text.encode()
    return bytes([tag]) + _integer(len(content)) + content


def _integer(number: int) -> bytes:
    """Return what `varints` does for one number: texts are too many for an array each."""
    groups = bytearray()
    while number > 0x7F:  # noqa: PLR2004 - seven bits
        groups.append(number & 0x7F | 0x80)
        number >>= _PAYLOAD_BITS
    groups.append(number)
    return bytes(groups)


def _sizes(numbers: Int64s | UInt64s) -> Int64s:
    """Return how many bytes each unsigned integer takes."""
    values = numbers.astype(np.uint64)
    sizes = (values >= 1 << _PAYLOAD_BITS).astype(np.int64) + 1
    # Few numbers have more than two groups: each round goes on with those that have.
    longer = np.flatnonzero(values >= 1 << 2 * _PAYLOAD_BITS)
    rest = values[longer] >> np.uint64(2 * _PAYLOAD_BITS)
    while longer.size:
        sizes[longer] += 1
        rest >>= np.uint64(_PAYLOAD_BITS)
        longer, rest = longer[rest > 0], rest[rest > 0]
    return sizes
