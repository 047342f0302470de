"""The hexagon answer as a table: one row per cell, one column per field and per name."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa

from apps.datasets.queries import Floats, Int64s
from apps.spatial.cell_tables import NamedCounts
from apps.spatial.formats.citations import head_of
from apps.spatial.formats.documents import dense_counts
from apps.spatial.formats.values import value_columns
from apps.spatial.formats.writers import (
    GEOMETRY,
    Layout,
    TableFormat,
    h3_array,
    polygon_wkb,
    polygon_wkt,
    write_table,
)
from apps.spatial.geometry import outlines
from apps.spatial.hexes import HexAnswer
from apps.spatial.intervals import Moments

BATCH_CELLS: Final = 20_000
GEOMETRY_TYPES: Final = ("Polygon", "MultiPolygon")


def encode_table(answer: HexAnswer, form: TableFormat) -> bytes:
    """Return the whole table; raises TooExpensive for too many names."""
    return b"".join(write_cells(answer, form))


def write_cells(answer: HexAnswer, form: TableFormat, *, marked: bool = False) -> Iterator[bytes]:
    """Return the table in pieces; raises TooExpensive at once.

    GeoParquet always has the outlines; CSV (as text, with six decimals) and Arrow have them if they are
    included.
    """
    table = pa.table(_columns(answer))
    with_geometry = form is TableFormat.PARQUET or GEOMETRY in answer.query.include
    if not with_geometry:
        return write_table(form, _layout(answer, table.schema, marked=marked), table.to_batches(BATCH_CELLS))
    kind = pa.string() if form is TableFormat.CSV else pa.binary()
    schema = table.schema.append(pa.field(GEOMETRY, kind))
    layout = _layout(answer, schema, with_geometry=True, marked=marked)
    return write_table(form, layout, _outlined(table, answer.table.cells, schema))


def _layout(
    answer: HexAnswer, schema: pa.Schema, *, with_geometry: bool = False, marked: bool = False
) -> Layout:
    types = GEOMETRY_TYPES if with_geometry else ()
    return Layout(schema, head_of(answer), geometry_types=types, marked=marked)


def _columns(answer: HexAnswer) -> dict[str, Any]:
    table = answer.table
    columns: dict[str, Any] = {"h3": h3_array(table.cells), "count": table.counts}
    for kind, counts in (("category", table.categories), ("label", table.labels)):
        if counts is not None:
            columns |= _by_name(kind, counts, table.cells.size)
    if table.values is not None:
        columns |= _value_columns(table.values, answer.query.level)
    return columns


def _by_name(kind: str, counts: NamedCounts, rows: int) -> dict[str, Int64s]:
    return {f"{kind}:{name}": column for name, column in dense_counts(counts, rows).items()}


def _value_columns(values: Moments, level: float) -> dict[str, Any]:
    """Return the statistics; those of a cell without values are null."""
    shown = value_columns(values, level)
    named = {
        "sum": shown.total, "mean": shown.mean, "min": shown.low, "max": shown.high,
        "lower": shown.lower, "upper": shown.upper,
    }  # fmt: skip
    return {"value_n": shown.n, **{f"value_{name}": _nullable(column) for name, column in named.items()}}


def _nullable(column: Floats) -> "pa.Array[Any]":
    return pa.array(column, mask=np.isnan(column))


def _outlined(table: pa.Table, cells: Int64s, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yield batches with the outlines, made as they are wanted: of a million they are large."""
    kind = schema.field(GEOMETRY).type
    is_text = pa.types.is_string(kind)
    write: Any = polygon_wkt if is_text else polygon_wkb
    start = 0
    for batch in table.to_batches(BATCH_CELLS):
        geometries, _ = outlines(cells[start : start + batch.num_rows], is_exact=not is_text)
        column = pa.array([write(geometry) for geometry in geometries], kind)
        yield pa.RecordBatch.from_arrays([*batch.columns, column], schema=schema)
        start += batch.num_rows
