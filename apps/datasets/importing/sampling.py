"""A thousand rows kept while reading, read again by the row path afterwards: both must give one event."""

import io
import random
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, Final

import numpy as np
from django.conf import settings

from apps.datasets.importing.attempt import Attempt, area_of
from apps.datasets.models import ImportFile
from apps.datasets.reading.mapping import Dialect, Mapping
from apps.datasets.reading.reader import read_table
from apps.datasets.reading.rows import Batch, Events

SAMPLE_ROWS: Final = 1_000
# Where a row lies in its file says nothing about its event.
_POSITIONS: Final = frozenset({"line", "line_end", "record", "byte_offset", "byte_length"})


@dataclass(frozen=True, slots=True)
class SampledRow:
    """An event with the bytes it was read from; `rank` decides which rows stay in the sample."""

    rank: float
    file_no: int
    raw: bytes
    event: Events


class RowSample:
    """An even sample over all batches: the rows with the smallest of random ranks."""

    def __init__(self) -> None:
        self.rows: list[SampledRow] = []
        self._random = random.Random(0)  # noqa: S311 - no secret depends on it
        self._ceiling = 1.0

    def add(self, file: ImportFile, batch: Batch) -> None:
        """Take some rows of a batch."""
        ranks = np.random.default_rng(self._random.getrandbits(32)).random(len(batch.events))
        for index in np.flatnonzero(ranks < self._ceiling)[:SAMPLE_ROWS].tolist():
            event = batch.events.take(np.array([index]))
            self.rows.append(SampledRow(float(ranks[index]), file.file_no, batch.raw(index), event))
        if len(self.rows) > SAMPLE_ROWS:
            self.rows = sorted(self.rows, key=lambda row: row.rank)[:SAMPLE_ROWS]
            self._ceiling = self.rows[-1].rank

    def is_confirmed(self, attempt: Attempt, mapping: Mapping) -> bool:
        """Read the sampled rows again by the row path and tell whether all give the same events."""
        return all(
            _columns(Events.concat([row.event for row in rows])) == _columns(again)
            for rows, again in self._read_again(attempt, mapping)
        )

    def _read_again(self, attempt: Attempt, mapping: Mapping) -> Iterator[tuple[list[SampledRow], Events]]:
        for file in attempt.row.files.order_by("file_no"):
            rows = [row for row in self.rows if row.file_no == file.file_no]
            if rows:
                yield rows, _read_rows(rows, file, attempt, mapping)


def _read_rows(rows: list[SampledRow], file: ImportFile, attempt: Attempt, mapping: Mapping) -> Events:
    dialect = replace(Dialect.from_json(file.dialect), header_line=0)
    ends = tuple(end.encode(dialect.encoding) for end in "\r\n")
    content = b"".join(row.raw if row.raw.endswith(ends) else row.raw + ends[1] for row in rows)
    batches = read_table(
        io.BytesIO(content),
        file_no=file.file_no,
        mapping=mapping,
        dialect=dialect,
        header=tuple(file.header),
        zone=attempt.dataset.zone,
        now=attempt.at.now,
        area=area_of(attempt.dataset),
        personal_words=settings.DATASETS_PERSONAL_WORDS,
        fast_path=False,
    )
    return Events.concat([batch.events for batch in batches])


def _columns(events: Events) -> dict[str, list[Any]]:
    """Return what counts of events; numbers as texts, because NaN equals nothing."""
    return {
        name: list(map(repr, column.tolist())) if isinstance(column, np.ndarray) else column.to_pylist()
        for name in (column.name for column in fields(Events))
        if name not in _POSITIONS and (column := getattr(events, name)) is not None
    }
