"""Events as rows of the event table: numbered, hashed, sorted by cell, written by binary COPY."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash
from django.db.backends.utils import CursorWrapper

from apps.datasets.models.version import OWN_SLAB_BASE
from apps.datasets.reading.ordering import order_by
from apps.datasets.reading.rows import Events, Int16s, Int64s
from apps.datasets.storage.binary import EPOCH_US, HEADER, TRAILER, Column, encode

COLUMNS: Final = (
    "cell, occurred_at, external_hash, value, dataset_no, slab, segment_no, event_no, "
    "lat_e7, lon_e7, category_no, label_no, precision"
)
NO_LABEL: Final = -1
# So few stay in the processor's caches; a whole chunk laid out would take more memory than the chunk.
LAID_OUT_ROWS: Final = 16_384


@dataclass(frozen=True, slots=True)
class SegmentKey:
    """The numbers under which the rows of a segment are stored while they are staged.

    A stage table always carries the segment's own slab; rows that move into a shared slab change it.
    """

    dataset_no: int
    segment_no: int

    @property
    def own_slab(self) -> int:
        """Return the number of the partition that belongs to this segment alone."""
        return OWN_SLAB_BASE + self.segment_no


@dataclass(frozen=True, slots=True)
class TermColumns:
    """The category and label numbers of a batch, row by row; -1 is no label."""

    category: Int16s
    label: Int16s


def external_hash(external_id: str) -> int:
    """Return the signed xxh3-64 of an external id; a hit is confirmed against the text in the parts."""
    digest = xxhash.xxh3_64_intdigest(external_id.encode())
    return digest - (1 << 64) if digest >= 1 << 63 else digest


def external_hashes(ids: pa.StringArray) -> tuple[Int64s, npt.NDArray[np.bool_]]:
    """Return the hash of each id, and where there is none."""
    nulls = ids.is_null().to_numpy(zero_copy_only=False)
    hashes = np.zeros(len(ids), np.int64)
    # Slice by slice: as objects of their own the texts are several times as large.
    for start in range(0, 0 if nulls.all() else len(ids), LAID_OUT_ROWS):
        part = slice(start, start + LAID_OUT_ROWS)
        texts: list[Any] = ids[part].drop_null().cast(pa.binary()).to_pylist()
        digests = b"".join(map(xxhash.xxh3_64_digest, texts))
        hashes[part][~nulls[part]] = np.frombuffer(digests, ">i8")
    return hashes, nulls


def copy_events(
    cursor: CursorWrapper, table: str, events: Events, terms: TermColumns, *, key: SegmentKey, first_no: int
) -> None:
    """Write a batch into a stage table; event numbers count from `first_no` in the order of the batch."""
    order = order_by(events.cell, events.occurred_us)
    hashes = external_hashes(events.external_id)
    with cursor.copy(f"COPY {table} ({COLUMNS}) FROM STDIN (FORMAT BINARY)") as copy:
        copy.write(HEADER)
        for start in range(0, len(order), LAID_OUT_ROWS):
            rows = order[start : start + LAID_OUT_ROWS]
            columns = _columns(events, terms, hashes, rows, key=key, first_no=first_no)
            copy.write(encode(columns, len(rows)))
        copy.write(TRAILER)


def _columns(
    events: Events,
    terms: TermColumns,
    hashes: tuple[Int64s, npt.NDArray[np.bool_]],
    order: npt.NDArray[np.intp],
    *,
    key: SegmentKey,
    first_no: int,
) -> list[Column]:
    """Return the columns of the event table in their order, of the rows in `order`."""
    external, no_id = hashes
    value = events.value[order]
    label = terms.label[order]
    return [
        Column(events.cell[order], 8),
        Column(events.occurred_us[order] - EPOCH_US, 8),
        Column(external[order], 8, nulls=no_id[order]),
        Column(value, 8, is_float=True, nulls=np.isnan(value)),
        Column(key.dataset_no, 4),
        Column(key.own_slab, 4),
        Column(key.segment_no, 4),
        Column(first_no + order, 4),
        Column(events.lat_e7[order], 4),
        Column(events.lon_e7[order], 4),
        Column(terms.category[order], 2),
        Column(label, 2, nulls=label == NO_LABEL),
        Column(events.precision[order], 2),
    ]
