"""Columns of a clean block by Arrow's CSV reader; only those asked for are converted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from apps.datasets.reading.arrow import arrow_csv
from apps.datasets.reading.clean_blocks import CleanBlock
from apps.datasets.reading.mapping import Dialect
from apps.datasets.reading.rows import Int64s


@dataclass(frozen=True, slots=True)
class ColumnsRead:
    """Columns by their index in the header, and the records they hold: those with all fields."""

    columns: dict[int, Any]
    records: Int64s


def read_columns(
    clean: CleanBlock, dialect: Dialect, width: int, types: Mapping[int, pa.DataType], null_values: list[str]
) -> ColumnsRead | None:
    """Parse columns of a block; None where Arrow's records can't be told from ours.

    Raises ArrowInvalid where a text is no number and the column's type is one.
    """
    if not len(clean.lines):
        return None
    ragged: list[int | None] = []

    def skip(row: Any) -> str:
        ragged.append(row.number)
        return "skip"

    read_options = arrow_csv.ReadOptions(
        use_threads=False,
        block_size=len(clean.utf8) + 1,
        column_names=[_name(index) for index in range(width)],
    )
    parse_options = arrow_csv.ParseOptions(
        delimiter=dialect.delimiter,
        quote_char=dialect.quote,
        double_quote=True,
        newlines_in_values=False,
        ignore_empty_lines=True,
        invalid_row_handler=skip,
    )
    convert_options = arrow_csv.ConvertOptions(
        check_utf8=False,  # the whole block has been decoded before
        include_columns=[_name(index) for index in types],
        column_types={_name(index): type_ for index, type_ in types.items()},
        null_values=null_values,
        strings_can_be_null=False,
    )
    table = arrow_csv.read_csv(pa.BufferReader(clean.utf8), read_options, parse_options, convert_options)
    records = _records_with_all_fields(clean, ragged)
    if records is None or table.num_rows != len(records):
        return None
    return ColumnsRead({index: _one_chunk(table[_name(index)]) for index in types}, records)


def _name(index: int) -> str:
    """Return the name a column has for Arrow, whatever its header says."""
    return f"c{index}"


def _records_with_all_fields(clean: CleanBlock, ragged: list[int | None]) -> Int64s | None:
    """Return all records but the ragged ones, counted from 1; None where blank lines confuse the count."""
    if ragged and (None in ragged or clean.blank_lines):
        return None
    kept = np.ones(len(clean.lines), np.bool_)
    kept[np.array(ragged, np.int64) - 1] = False
    return np.flatnonzero(kept)


def _one_chunk(column: Any) -> Any:
    joined = column.combine_chunks()
    return pa.concat_arrays(joined.chunks) if isinstance(joined, pa.ChunkedArray) else joined
