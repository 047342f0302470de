"""Exported events as bytes: tables, or JSON in three shapes; batch by batch."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import orjson
import pyarrow as pa

from apps.datasets.queries.event_stream import event_batches
from apps.spatial.exporting.event_tables import NUMBER, REPEATED, REST_COLUMNS, EventLayout
from apps.spatial.formats import AnswerFormat
from apps.spatial.formats.documents import sequence_texts
from apps.spatial.formats.writers import Layout, TableFormat, write_table
from apps.spatial.hexes import Plan

# Row groups of Parquet: too small ones cost readers and bytes.
PARQUET_ROWS: Final = 100_000


def write_events(
    plan: Plan, form: AnswerFormat, citation: Mapping[str, Any], *, guarded: bool, marked: bool
) -> Iterator[bytes]:
    """Yield the selected events of a plan in a format, versions one after the other.

    guarded, marked: as in `writers.Layout`. Raises VersionGone if a version is dropped meanwhile.
    """
    layout = _layout(plan, form)
    batches = _rows(plan, layout)
    if form in _DOCUMENTS:
        return _DOCUMENTS[form](batches, citation)
    table = Layout(
        layout.schema,
        citation,
        geometry_types=("Point",) if layout.with_points else (),
        guarded=guarded,
        marked=marked,
        repeated=REPEATED,
    )
    if form is AnswerFormat.PARQUET:
        batches = _joined(batches, layout.schema)
    return write_table(TableFormat(form.value), table, batches)


def _layout(plan: Plan, form: AnswerFormat) -> EventLayout:
    zones = {source.dataset.zone for source in plan.sources}
    is_arrow = form is AnswerFormat.ARROW
    return EventLayout(
        zone=zones.pop() if len(zones) == 1 else "UTC",
        with_begins=is_arrow or form is AnswerFormat.PARQUET,
        with_points=form is AnswerFormat.PARQUET or (is_arrow and "geometry" in plan.query.include),
        with_dataset=len(plan.sources) > 1,
    )


def _rows(plan: Plan, layout: EventLayout) -> Iterator[pa.RecordBatch]:
    for scope in plan.scopes:
        for batch in event_batches(scope, plan.query.selection, plan.resolution, rest_columns=REST_COLUMNS):
            yield layout.rows(scope, batch)


def _joined(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yield larger batches."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(each.num_rows for each in waiting) >= PARQUET_ROWS:
            yield _one(waiting, schema)
            waiting = []
    if waiting:
        yield _one(waiting, schema)


def _one(batches: list[pa.RecordBatch], schema: pa.Schema) -> pa.RecordBatch:
    table = pa.Table.from_batches(batches, schema)
    columns: list[Any] = [column.combine_chunks() for column in table.columns]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _document(batches: Iterable[pa.RecordBatch], citation: Mapping[str, Any]) -> Iterator[bytes]:
    """Yield one object with the citation and a list of events."""
    return _listed({**citation}, "events", (_events(batch) for batch in batches))


def _collection(batches: Iterable[pa.RecordBatch], citation: Mapping[str, Any]) -> Iterator[bytes]:
    """Yield a feature collection with the citation."""
    return _listed({"type": "FeatureCollection", **citation}, "features", map(_features, batches))


def _sequence(batches: Iterable[pa.RecordBatch], citation: Mapping[str, Any]) -> Iterator[bytes]:
    """Yield features as a sequence of texts; the citation goes into a header."""
    for batch in batches:
        yield b"".join(sequence_texts(_features(batch)))


def _listed(head: dict[str, Any], name: str, lists: Iterable[list[dict[str, Any]]]) -> Iterator[bytes]:
    """Yield an object whose last member is a long list, list by list."""
    yield orjson.dumps({**head, name: []})[:-2]
    comma = b""
    for rows in lists:
        yield comma + orjson.dumps(rows)[1:-1]
        comma = b","
    yield b"]}"


def _events(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """Return events as the list of events has them."""
    rows = []
    for row in batch.to_pylist():
        properties = row["properties"]
        row["properties"] = None if properties is None else orjson.Fragment(properties)
        rows.append({"id": row.pop(NUMBER), **row})
    return rows


def _features(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    features = []
    for row in _events(batch):
        point = {"type": "Point", "coordinates": [row.pop("longitude"), row.pop("latitude")]}
        features.append({"type": "Feature", "id": row.pop("id"), "geometry": point, "properties": row})
    return features


_DOCUMENTS: Final = {
    AnswerFormat.JSON: _document,
    AnswerFormat.GEOJSON: _collection,
    AnswerFormat.GEOJSONSEQ: _sequence,
}
