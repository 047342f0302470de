"""Events of a version one by one: from the event table in pages, with the rest of each row from the parts."""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import orjson
from django.db import connection
from psycopg import sql

from apps.common.errors import NotFound
from apps.datasets.models import Dataset, ImportFile, Segment, Version
from apps.datasets.queries.event_rows import COLUMNS, EventKey, Nearness, Walk, select_event, select_page
from apps.datasets.queries.scopes import Filters, Scope
from apps.datasets.queries.terms import load_vocabularies
from apps.datasets.queries.versions import reading_events
from apps.datasets.queries.windows import Span
from apps.datasets.reading.rows import Precision
from apps.datasets.storage.part_rows import PartRows, PartsGone

EVERYWHERE: Final = Nearness()


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where an event was read from: import, file of the import by name, physical line (none for Parquet)."""

    import_id: uuid.UUID | None
    file: str | None
    line: int | None


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One event, whole. Latitude and longitude in degrees; `cell` at resolution 11.

    `is_whole` is False where the file storage is away: then id, properties and provenance are unknown.
    """

    segment_no: int
    event_no: int
    occurred_at: datetime
    precision: Precision
    lat_e7: int
    lon_e7: int
    cell: int
    category: str
    label: str | None
    value: float | None
    has_external_id: bool
    external_id: str | None = None
    properties: dict[str, Any] | None = None
    provenance: Provenance | None = None
    is_whole: bool = False
    version_no: int = 0

    @property
    def id(self) -> str:
        """Return `<segment>-<number>`."""
        return f"{self.segment_no}-{self.event_no}"

    @property
    def key(self) -> EventKey:
        """Return where the event stands in the order of its version."""
        return EventKey(self.cell, self.occurred_at, self.segment_no, self.event_no)


def event_page(scope: Scope, near: Nearness, walk: Walk) -> list[EventRecord]:
    """Return one page of the scope's events in the order cell, time, number.

    Raises VersionGone, ReadTooLong. Issues one query for the rows, and one for the names of files; reads the
    row groups of the parts that hold the rows. A walk backwards gives the page that ends before its start,
    in the same order.
    """
    statement = select_page(scope, near, walk)
    if statement is None:
        return []
    rows = _fetched(statement)
    if walk.is_backward:
        rows.reverse()
    events = with_parts(scope.segments, [_record(scope, row) for row in rows])
    # Two ids of one hash are told apart by their text.
    wanted = near.external_id
    return [event for event in events if wanted is None or event.external_id in {wanted, None}]


def event_pages(
    scope: Scope, near: Nearness = EVERYWHERE, *, after: EventKey | None = None, limit: int = 1_000
) -> Iterator[list[EventRecord]]:
    """Yield the scope's events page by page, each read by statements of its own."""
    walk = Walk(limit, after)
    while page := event_page(scope, near, walk):
        yield page
        walk = replace(walk, after=page[-1].key)


def find_event(dataset: Dataset, segment_no: int, event_no: int) -> EventRecord:
    """Return one event of a segment that a kept version lists; raises NotFound. A few queries."""
    listed = Version.objects.filter(dataset=dataset, dropped_at__isnull=True, segments=segment_no)
    version = listed.order_by("-number").first()
    segment = Segment.objects.filter(pk=segment_no).first()
    if version is None or segment is None:
        raise NotFound
    scope = Scope(
        dataset=dataset,
        version=version,
        span=Span(ZoneInfo(dataset.zone)),
        filters=Filters(),
        segments=(segment,),
        category_nos=None,
        label_nos=None,
        vocabulary=load_vocabularies([dataset.no])[dataset.no],
    )
    rows = _fetched(select_event(scope, segment, event_no))
    if not rows:
        raise NotFound
    return with_parts([segment], [_record(scope, rows[0])])[0]


def _fetched(statement: sql.Composable) -> list[dict[str, Any]]:
    """Return the rows by column."""
    with reading_events(), connection.cursor() as cursor:
        cursor.execute(statement)
        return [dict(zip(COLUMNS, row, strict=True)) for row in cursor.fetchall()]


def with_parts(segments: Iterable[Segment], events: Sequence[EventRecord]) -> list[EventRecord]:
    """Return the events with id, properties and provenance, each of them left as it is without its parts."""
    of_no = {segment.no: segment for segment in segments}
    files = _file_names(of_no[event.segment_no] for event in events)
    found = list(events)
    for number in sorted({event.segment_no for event in events}):
        places = [index for index, event in enumerate(events) if event.segment_no == number]
        whole = _completed(of_no[number], [events[place] for place in places], files)
        for place, event in zip(places, whole, strict=True):
            found[place] = event
    return found


def _completed(
    segment: Segment, events: list[EventRecord], files: dict[tuple[Any, int], str]
) -> list[EventRecord]:
    numbers = np.array([event.event_no for event in events], np.int64)
    try:
        rest = PartRows(segment.files_prefix).take(numbers).to_pylist()
    except PartsGone:
        return events
    source = segment.source_import_id
    return [
        replace(
            event,
            external_id=row["external_id"],
            properties=orjson.loads(row["properties"]) if row["properties"] else {},
            provenance=Provenance(source, files.get((source, row["file_no"])), row["line"]),
            is_whole=True,
        )
        for event, row in zip(events, rest, strict=True)
    ]


def _file_names(segments: Iterable[Segment]) -> dict[tuple[Any, int], str]:
    """Return the names of the files that the segments were read from, by import and number."""
    imports = {segment.source_import_id for segment in segments} - {None}
    if not imports:
        return {}
    files = ImportFile.objects.filter(source_import__in=imports)
    return {
        (import_id, number): name
        for import_id, number, name in files.values_list("source_import_id", "file_no", "name")
    }


def _record(scope: Scope, row: dict[str, Any]) -> EventRecord:
    names = scope.vocabulary
    label_no = row.pop("label_no")
    has_external_id = row.pop("external_hash") is not None
    return EventRecord(
        category=names.categories.get(row.pop("category_no"), ""),
        label=None if label_no is None else names.labels.get(label_no),
        precision=Precision(row.pop("precision")),
        has_external_id=has_external_id,
        version_no=scope.version.number,
        **row,
    )
