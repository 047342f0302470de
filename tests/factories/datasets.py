"""Published datasets without an import: rows copied straight into the event table, with their manifest."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import h3.api.basic_int as h3
import numpy as np
from django.db import connection
from django.utils import timezone

from apps.accounts.models import Organization
from apps.datasets.models import Dataset, Segment, Term, TermField, Version, VersionSegment
from apps.datasets.models.version import SHARED_SLABS
from apps.datasets.reading.cells import h3_parent
from apps.datasets.reading.rows import Precision
from apps.datasets.states import DatasetStatus, SegmentState
from tests.factories.accounts import OrganizationFactory

COLUMNS = (
    "cell, occurred_at, value, dataset_no, slab, segment_no, event_no, lat_e7, lon_e7, category_no, label_no,"
    " precision"
)
EPOCH = datetime(2023, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class EventRow:
    """One accepted row; the default is an instant at the start of 2023."""

    latitude: float
    longitude: float
    occurred_at: datetime = EPOCH
    category: str = "event"
    precision: Precision = Precision.INSTANT
    value: float | None = None
    label: str | None = None

    @property
    def cell(self) -> int:
        """Return the base cell of the stored point."""
        return int(h3.latlng_to_cell(round(self.latitude * 1e7) / 1e7, round(self.longitude * 1e7) / 1e7, 11))


def published_dataset(
    rows: Iterable[EventRow],
    *,
    organization: Organization | None = None,
    name: str = "Events",
    zone: str = "UTC",
    segments: int = 1,
) -> Dataset:
    """Create a dataset whose current version, number 1, holds the rows, dealt over `segments` in order."""
    dataset = Dataset.objects.create(
        organization=organization or OrganizationFactory.create(), name=name, zone=zone
    )
    dataset.refresh_from_db()
    publish(dataset, _dealt(list(rows), segments))
    return dataset


def publish(
    dataset: Dataset,
    batches: Sequence[Sequence[EventRow]],
    *,
    keep: Sequence[Segment] = (),
    changed: tuple[datetime, datetime] | None = None,
) -> Version:
    """Publish the next version: a new segment per batch beside the segments that stay."""
    rows = [row for batch in batches for row in batch]
    if dataset.value_pivot is None and any(row.value is not None for row in rows):
        dataset.value_pivot = float(np.mean([row.value for row in rows if row.value is not None]))
    segments = [*keep, *(_segment(dataset, batch) for batch in batches)]
    version = Version.objects.create(
        dataset=dataset,
        number=dataset.versions.count() + 1,
        event_count=sum(segment.rows for segment in segments),
        occupied=_occupied(segments),
        changed_from=changed and changed[0],
        changed_to=changed and changed[1],
        published_at=timezone.now(),
    )
    VersionSegment.objects.bulk_create(VersionSegment(version=version, segment=s) for s in segments)
    dataset.current_version = version
    dataset.status = DatasetStatus.READY
    dataset.save()
    return version


def _dealt(rows: list[EventRow], parts: int) -> list[list[EventRow]]:
    size = -(-len(rows) // parts) if rows else 1
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def _segment(dataset: Dataset, rows: Sequence[EventRow]) -> Segment:
    """Create a live segment in the dataset's shared slab and copy the rows into it."""
    cells = [row.cell for row in rows]
    times = [row.occurred_at for row in rows]
    segment = Segment.objects.create(
        dataset=dataset,
        slab=dataset.no % SHARED_SLABS,
        rows=len(rows),
        cell_first=min(cells),
        cell_last=max(cells),
        first_at=min(times),
        last_at=max(times),
        precision_counts={
            str(int(precision)): sum(row.precision is precision for row in rows) for precision in Precision
        },
        state=SegmentState.LIVE,
    )
    segment.refresh_from_db()
    categories = _term_numbers(dataset, TermField.CATEGORY, [row.category for row in rows])
    labels = _term_numbers(dataset, TermField.LABEL, [row.label for row in rows if row.label is not None])
    with connection.cursor() as cursor, cursor.copy(f"COPY datasets_event ({COLUMNS}) FROM STDIN") as copy:
        for number, (row, cell) in enumerate(zip(rows, cells, strict=True)):
            place = (round(row.latitude * 1e7), round(row.longitude * 1e7))
            terms = (categories[row.category], None if row.label is None else labels[row.label])
            keys = (dataset.no, segment.slab, segment.no, number)
            copy.write_row((cell, row.occurred_at, row.value, *keys, *place, *terms, int(row.precision)))
    return segment


def _term_numbers(dataset: Dataset, field: TermField, texts: Sequence[str]) -> dict[str, int]:
    """Return the number of each text; new ones get the next free number."""
    known = dict(Term.objects.filter(dataset_no=dataset.no, field=field).values_list("text", "no"))
    fresh = [text for text in dict.fromkeys(texts) if text not in known]
    numbers = dict(zip(fresh, range(len(known), len(known) + len(fresh)), strict=True))
    Term.objects.bulk_create(
        Term(dataset_no=dataset.no, field=field, no=no, text=text) for text, no in numbers.items()
    )
    return known | numbers


def _occupied(segments: Sequence[Segment]) -> list[int]:
    """Return the exact number of occupied cells at 3..11."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT cell FROM datasets_event WHERE segment_no = ANY(%s)", [[s.no for s in segments]]
        )
        cells = np.array([row[0] for row in cursor.fetchall()], np.int64)
    return [int(np.unique(h3_parent(cells, resolution)).size) for resolution in range(3, 12)]
