"""The cells of a prediction as they are shown: documents, tables and map tiles."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa
from django.conf import settings

from apps.common.errors import Conflict, Invalid, NotFound
from apps.common.serializers import parse_instant
from apps.datasets.queries import Floats, Int64s
from apps.spatial.formats import MEDIA_TYPES as FORMAT_TYPES
from apps.spatial.formats import AnswerFormat, h3_texts
from apps.spatial.formats.writers import GEOMETRY, Layout, TableFormat, polygon_wkb, write_table
from apps.spatial.geometry import outlines
from apps.spatial.models import Prediction, PredictionCell
from apps.spatial.tiles import Tile, encode_cells

FIGURES: Final = ("expected", "lower", "upper", "baseline", "rank")


class PredictionNotReady(Conflict):
    """The prediction has no cells yet, or failed."""

    code = "spatial.prediction_not_ready"


class TooManyPredictedCells(Invalid):
    """The prediction has more cells than go into one answer of this form.

    Ask for one period, or for a compact format.
    """

    code = "spatial.too_many_predicted_cells"


class CellFormat(StrEnum):
    """The forms of a prediction's cells, by the `format` parameter."""

    JSON = "json"
    COLUMNS = "columns"
    GEOJSON = "geojson"
    CSV = "csv"
    PARQUET = "parquet"


MEDIA_TYPES: Final = {form: FORMAT_TYPES[AnswerFormat(form.value)] for form in CellFormat}
ROOMY: Final = frozenset({CellFormat.JSON, CellFormat.GEOJSON})
GEOMETRY_TYPES: Final = ("Polygon", "MultiPolygon")
BATCH_ROWS: Final = 20_000


@dataclass(frozen=True, slots=True)
class ExpectedCells:
    """Cells by period, then rank: columns of equal length; `periods` are dates as text."""

    head: dict[str, Any]
    cells: Int64s
    periods: list[str]
    figures: dict[str, Floats | Int64s]


def read_cells(
    row: Prediction, period: date | None, *, limit: int | None = None, first: int | None = None
) -> ExpectedCells:
    """Return the cells of one period, or of all, or the `first` ones of these.

    Raises PredictionNotReady, NotFound for another period, TooManyPredictedCells over the limit. One query.
    """
    known = _periods_of(row)
    cells = PredictionCell.objects.filter(prediction=row).order_by("period_start", "rank")
    if period is not None:
        if period.isoformat() not in known.values():
            raise NotFound(f"The prediction has no period that starts on {period}.")
        start = next(at for at, day in known.items() if day == period.isoformat())
        cells = cells.filter(period_start=start)
    most = settings.SPATIAL_MAX_CELLS_COMPACT if limit is None else limit
    rows = list(cells.values_list("h3", "period_start", *FIGURES)[: first or most + 1])
    if len(rows) > most:
        raise TooManyPredictedCells(f"The prediction has more than {most:,} cells.")
    columns: list[tuple[Any, ...]] = list(zip(*rows, strict=True)) or [()] * (len(FIGURES) + 2)
    figures: dict[str, Floats | Int64s] = {
        name: np.array(column, np.float64) for name, column in zip(FIGURES, columns[2:], strict=True)
    }
    figures["rank"] = np.array(columns[-1], np.int64)
    return ExpectedCells(
        head=_head(row), cells=np.array(columns[0], np.int64), periods=[known[at] for at in columns[1]],
        figures=figures,
    )  # fmt: skip


def answer_cells(row: Prediction, period: date | None, form: CellFormat) -> bytes:
    """Return the cells in a form; raises what `read_cells` raises."""
    found = read_cells(row, period, limit=settings.SPATIAL_MAX_CELLS if form in ROOMY else None)
    return _ENCODERS[form](found)


def citation_of(row: Prediction) -> str:
    """Return what a prediction cites as the value of a header, for forms that have no place for it."""
    return orjson.dumps(_head(row)).decode()


def prediction_tile(row: Prediction, period: date | None, tile: Tile) -> bytes:
    """Return a map tile of one period, by default the first; empty where no cell is. One query."""
    first = date.fromisoformat(next(iter(_periods_of(row).values())))
    found = read_cells(row, period or first)
    return encode_cells(tile, found.cells, found.figures)[0]


def _periods_of(row: Prediction) -> Mapping[Any, str]:
    """Return start -> date of the periods, in order; raises PredictionNotReady."""
    if not row.summary.get("periods"):
        raise PredictionNotReady
    return {parse_instant(each["start"]): each["period"] for each in row.summary["periods"]}


def _head(row: Prediction) -> dict[str, Any]:
    named = ("method", "baseline", "dataset", "version", "resolution")
    return {"prediction": str(row.pk), **{name: row.summary[name] for name in named}}


def _rows(found: ExpectedCells) -> list[dict[str, Any]]:
    names = ("h3", "period", *FIGURES)
    columns = (h3_texts(found.cells), found.periods, *(found.figures[name].tolist() for name in FIGURES))
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _as_json(found: ExpectedCells) -> bytes:
    return orjson.dumps({**found.head, "cells": _rows(found)})


def _as_columns(found: ExpectedCells) -> bytes:
    body = {**found.head, "h3": h3_texts(found.cells), "period": found.periods, **found.figures}
    return orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)


def _as_geojson(found: ExpectedCells) -> bytes:
    geometries, boxes = outlines(found.cells)
    features = [
        {"type": "Feature", "id": row["h3"], "geometry": geometry, "bbox": box, "properties": row}
        for row, geometry, box in zip(_rows(found), geometries, boxes, strict=True)
    ]
    return orjson.dumps({"type": "FeatureCollection", **found.head, "features": features})


def _table(found: ExpectedCells) -> pa.Table:
    periods = pa.array([date.fromisoformat(period) for period in found.periods], pa.date32())
    texts = pa.array(h3_texts(found.cells), pa.string())
    return pa.table({"h3": texts, "period": periods, **found.figures})


def _as_csv(found: ExpectedCells) -> bytes:
    table = _table(found)
    layout = Layout(table.schema, found.head)
    return b"".join(write_table(TableFormat.CSV, layout, table.to_batches(BATCH_ROWS)))


def _as_parquet(found: ExpectedCells) -> bytes:
    table = _table(found)
    layout = Layout(
        table.schema.append(pa.field(GEOMETRY, pa.binary())), found.head, geometry_types=GEOMETRY_TYPES
    )
    return b"".join(write_table(TableFormat.PARQUET, layout, _outlined(found, table, layout.schema)))


def _outlined(found: ExpectedCells, table: pa.Table, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yield batches with the outlines, made as they are wanted: of all periods together they are large."""
    start = 0
    for batch in table.to_batches(BATCH_ROWS):
        geometries, _ = outlines(found.cells[start : start + batch.num_rows], is_exact=True)
        column = pa.array([polygon_wkb(geometry) for geometry in geometries], pa.binary())
        yield pa.RecordBatch.from_arrays([*batch.columns, column], schema=schema)
        start += batch.num_rows


_ENCODERS: Final = {
    CellFormat.JSON: _as_json,
    CellFormat.COLUMNS: _as_columns,
    CellFormat.GEOJSON: _as_geojson,
    CellFormat.CSV: _as_csv,
    CellFormat.PARQUET: _as_parquet,
}
