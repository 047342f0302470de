"""The hexagon answer as JSON: rows (json), one array per field (columns), features (geojson, geojsonseq)."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import orjson

from apps.datasets.queries import Int64s
from apps.spatial.cell_tables import CellTable, NamedCounts
from apps.spatial.formats.citations import head_of
from apps.spatial.formats.values import h3_texts, value_columns, value_rows
from apps.spatial.geometry import Bounds, outline_texts, overall_bounds
from apps.spatial.hexes import HexAnswer, TooExpensive

# Categories times cells, in columns: one number each, also where it is 0.
MAX_DENSE: Final = 25_000_000
# RFC 8142: each text of a sequence begins with a record separator and ends with a line feed.
RECORD_SEPARATOR: Final = b"\x1e"


def named_rows(counts: NamedCounts, rows: int) -> list[dict[str, int]]:
    """Return each row's counts by name."""
    found: list[dict[str, int]] = [{} for _ in range(rows)]
    triples = zip(counts.row.tolist(), counts.name.tolist(), counts.counts.tolist(), strict=True)
    for row, name, count in triples:
        found[row][counts.names[name]] = count
    return found


def encode_rows(answer: HexAnswer) -> bytes:
    """Return each cell as an object."""
    rows = cell_rows(answer.table, answer.query.level)
    if "geometry" in answer.query.include:
        for row, geometry in zip(rows, outline_texts(answer.table.cells)[0], strict=True):
            row["geometry"] = orjson.Fragment(geometry)
    return orjson.dumps({**head_of(answer), "cells": rows})


def encode_features(answer: HexAnswer) -> bytes:
    """Return a feature collection."""
    features = _features(answer)
    whole: Bounds | None = overall_bounds([feature["bbox"] for feature in features])
    collection = {"type": "FeatureCollection", **({"bbox": whole} if whole else {}), **head_of(answer)}
    return orjson.dumps({**collection, "features": features})


def encode_sequence(answer: HexAnswer) -> bytes:
    """Return one feature after the other, as a sequence of texts."""
    return b"".join(sequence_texts(_features(answer)))


def sequence_texts(features: list[dict[str, Any]]) -> Iterator[bytes]:
    """Yield features as texts of a sequence."""
    for feature in features:
        yield RECORD_SEPARATOR + orjson.dumps(feature, option=orjson.OPT_APPEND_NEWLINE)


def encode_columns(answer: HexAnswer) -> bytes:
    """Return one array per field; raises TooExpensive."""
    table = answer.table
    columns: dict[str, Any] = {"h3": h3_texts(table.cells), "count": table.counts}
    if table.categories is not None:
        columns["categories"] = dense_counts(table.categories, table.cells.size)
    if table.labels is not None:
        columns["labels"] = dense_counts(table.labels, table.cells.size)
    if table.values is not None:
        shown = value_columns(table.values, answer.query.level)
        interval = {"lower": shown.lower, "upper": shown.upper, "level": answer.query.level}
        columns["value"] = {
            "n": shown.n,
            "sum": shown.total,
            "mean": shown.mean,
            "min": shown.low,
            "max": shown.high,
            "ci": interval,
        }
    if "geometry" in answer.query.include:
        columns["geometry"] = list(map(orjson.Fragment, outline_texts(table.cells)[0]))
    return orjson.dumps({**head_of(answer), **columns}, option=orjson.OPT_SERIALIZE_NUMPY)


def cell_rows(table: CellTable, level: float) -> list[dict[str, Any]]:
    """Return each cell as an object."""
    size = table.cells.size
    columns: dict[str, Sequence[Any]] = {"h3": h3_texts(table.cells), "count": table.counts.tolist()}
    if table.categories is not None:
        columns["categories"] = named_rows(table.categories, size)
    if table.labels is not None:
        columns["labels"] = named_rows(table.labels, size)
    if table.values is not None:
        columns["value"] = value_rows(table.values, level)
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _features(answer: HexAnswer) -> list[dict[str, Any]]:
    geometries, bounds = outline_texts(answer.table.cells)
    rows = cell_rows(answer.table, answer.query.level)
    return [
        {
            "type": "Feature",
            "id": row["h3"],
            "bbox": box,
            "geometry": orjson.Fragment(geometry),
            "properties": row,
        }
        for row, geometry, box in zip(rows, geometries, bounds, strict=True)
    ]


def dense_counts(counts: NamedCounts, rows: int) -> dict[str, Int64s]:
    """Return an array per name; raises TooExpensive when that is more numbers than one answer may hold."""
    if len(counts.names) * rows > MAX_DENSE:
        raise TooExpensive("That many cells with that many names do not fit in columns; leave out the names.")
    return {name: counts.column(index, rows) for index, name in enumerate(counts.names)}
