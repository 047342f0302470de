"""Line protocol as columns: bodies without quotes, escapes and faults, which are most of them.

Whatever is not plain is left to `exact_lines`, which gives the same for what is.
"""

import codecs
import io
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from apps.metrics.doors.influx.series import series_keys
from apps.metrics.errors import BatchSize, InvalidName, InvalidTags
from apps.metrics.points.assembly import KeyTable
from apps.metrics.points.batch import Indexes, Instants, Values
from apps.metrics.points.values import value_faults

# Quotes and escapes, and what pyarrow takes for a line's end or trims.
NOT_PLAIN: Final = (b'"', b"\\", b"\r", b"\t", b"\x0b", b"\x0c", b"\x00")
# A first line that is longer is not plain enough.
FIRST_LINE_MAX: Final = 64 * 1024
# Up to here a table of all pairs of heads and fields is smaller than sorting the pairs is slow.
PAIRS_TABLE_MAX: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a body: keys and values by point, with each point's line; times as sent by line."""

    table: KeyTable
    key_index: Indexes
    values: Values
    lines: Indexes
    stamps: Instants | None


@dataclass(frozen=True, slots=True)
class _Fields:
    """The fields of all lines: distinct names, each field's name and value, how many each line has."""

    names: list[str]
    name_index: Indexes
    values: Values
    counts: npt.NDArray[np.int64]


def read_plain(body: bytes, max_points: int) -> Lines | None:
    """Return a body's lines, None if it is not plain; raises BatchSize for more points than allowed."""
    if not is_plain(body):
        return None
    try:
        heads, texts, stamps = _columns_of(body)
        fields = _single_fields(texts) or _several_fields(texts, max_points)
        check_points(len(fields.values), max_points)
        if "" in fields.names or value_faults(fields.values).any():
            return None
        if len(heads) != body.count(b"\n") + (not body.endswith(b"\n")):
            return None  # pyarrow has skipped empty lines, which count as lines
        if b"#" in body and b"\n#" in body:
            return None  # comments
        distinct = heads.dictionary.to_pylist()
        lines = np.repeat(np.arange(len(heads), dtype=np.int32), fields.counts)
        table, key_index = _keys_of(distinct, fields, heads.indices.to_numpy()[lines])
    except (pa.ArrowInvalid, InvalidName, InvalidTags):
        return None
    return Lines(table, key_index, fields.values, lines, stamps)


def check_points(count: int, max_points: int) -> None:
    """Refuse more points than a write may have; raises BatchSize."""
    if count > max_points:
        raise BatchSize(f"A write has at most {max_points} points.")


def is_plain(body: bytes) -> bool:
    """Tell whether the body has nothing that fast readers read in another way than the protocol has it."""
    if body[:1] in b" \n#" or body.startswith(codecs.BOM_UTF8) or any(mark in body for mark in NOT_PLAIN):
        return False
    # pyarrow takes hexadecimal integers. Looking for two bytes is slow, for one it is not.
    return not ((b"x" in body and b"0x" in body) or (b"X" in body and b"0X" in body))


def _columns_of(body: bytes) -> tuple[Any, Any, Instants | None]:
    """Return heads (as a dictionary), fields and times; raises ArrowInvalid if the lines differ in form."""
    columns = {"head": pa.dictionary(pa.int32(), pa.string()), "fields": pa.string(), "time": pa.int64()}
    first_line = body[:FIRST_LINE_MAX].partition(b"\n")[0]
    names = list(columns)[: max(first_line.count(b" ") + 1, 2)]
    table = csv.read_csv(
        io.BytesIO(body),
        read_options=csv.ReadOptions(column_names=names, use_threads=False, block_size=len(body) + 1),
        parse_options=csv.ParseOptions(delimiter=" ", quote_char=False, escape_char=False),
        convert_options=csv.ConvertOptions(
            column_types={name: columns[name] for name in names}, null_values=[], strings_can_be_null=False
        ),
    )
    found = [column.chunk(0) for column in table.columns]
    stamps = found[2].to_numpy() if len(found) > 2 else None  # noqa: PLR2004 - the third column, if there
    return found[0], found[1], stamps


def _single_fields(texts: Any) -> _Fields | None:
    """Return the fields of lines that all have the same one, else None."""
    first = texts[0].as_py()
    prefix = first[: first.find("=") + 1]
    if not prefix or "," in first or not pc.all(pc.starts_with(texts, prefix)).as_py():
        return None
    try:
        values = _numbers_of(pc.utf8_slice_codeunits(texts, len(prefix)))
    except pa.ArrowInvalid:
        return None  # further fields, or no number
    count = len(values)
    return _Fields([prefix[:-1]], np.zeros(count, np.int32), values, np.ones(count, np.int64))


def _several_fields(texts: Any, max_points: int) -> _Fields:
    """Return the fields of any lines; raises ArrowInvalid, and BatchSize before they cost much."""
    lists = pc.split_pattern(texts, ",")
    check_points(len(lists.values), max_points)
    pairs = pc.split_pattern(lists.values, "=", max_splits=1)
    names = pc.list_element(pairs, 0).dictionary_encode()
    values = _numbers_of(pc.list_element(pairs, 1))
    counts = np.diff(lists.offsets.to_numpy())
    return _Fields(names.dictionary.to_pylist(), names.indices.to_numpy(), values, counts)


def _numbers_of(texts: Any) -> Values:
    """Return the values of numbers and integers (`1i`); raises ArrowInvalid for everything else."""
    is_integer = pc.ends_with(texts, "i")
    # Asked first, since a cast that fails is slow.
    if not pc.any(is_integer).as_py():
        return np.asarray(texts.cast(pa.float64()).to_numpy())
    marks = is_integer.to_numpy(zero_copy_only=False)
    values = np.empty(len(texts), dtype=np.float64)
    digits = pc.utf8_slice_codeunits(texts.filter(is_integer), 0, -1)
    values[marks] = digits.cast(pa.int64()).to_numpy()
    values[~marks] = texts.filter(pc.invert(is_integer)).cast(pa.float64()).to_numpy()
    return values


def _keys_of(heads: list[str], fields: _Fields, head_index: Indexes) -> tuple[KeyTable, Indexes]:
    """Return the keys and each point's; a pair of head and name is looked at once."""
    names = fields.names
    pairs = head_index.astype(np.int64) * len(names) + fields.name_index
    used, places = _used_pairs(pairs, len(heads) * len(names))
    head_numbers, name_numbers = np.divmod(used, len(names))
    own_heads = [heads[number] for number in head_numbers.tolist()]
    own_names = [names[number] for number in name_numbers.tolist()]
    table, numbers = KeyTable.of_untyped(series_keys(own_heads, own_names))
    return table, numbers[places]


def _used_pairs(
    pairs: npt.NDArray[np.int64], possible: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the distinct pairs, ascending, and the place of each pair among them."""
    if possible > PAIRS_TABLE_MAX:
        return np.unique(pairs, return_inverse=True)
    marks = np.zeros(possible, dtype=np.bool_)
    marks[pairs] = True
    return np.flatnonzero(marks), (np.cumsum(marks) - 1)[pairs]
