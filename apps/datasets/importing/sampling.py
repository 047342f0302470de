"""A thousand rows kept while reading, read again by the row path afterwards: both must give one event."""

import io
import random
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from django.conf import settings

from apps.datasets.importing.attempt import Attempt, area_of
from apps.datasets.models import ImportFile
from apps.datasets.reading.joining import join_records
from apps.datasets.reading.mapping import Dialect, Mapping
from apps.datasets.reading.reader import read_table
from apps.datasets.reading.rows import Batch, Events, Floats

SAMPLE_ROWS: Final = 1_000
# Where a row lies in its file says nothing about its event.
_POSITIONS: Final = frozenset({"line", "line_end", "record", "byte_offset", "byte_length"})


@dataclass(frozen=True, slots=True)
class _Pick:
    """Rows of one batch, each with its random rank and the bytes it was read from."""

    file_no: int
    ranks: Floats
    raws: list[bytes]
    events: Events

    def up_to(self, ceiling: float) -> "_Pick":
        """Return the rows of the smallest ranks."""
        stay = self.ranks <= ceiling
        raws = [raw for raw, stays in zip(self.raws, stay.tolist(), strict=True) if stays]
        return _Pick(self.file_no, self.ranks[stay], raws, self.events.take(stay))


class RowSample:
    """An even sample over all batches: the rows with the smallest of random ranks."""

    def __init__(self) -> None:
        self._picks: list[_Pick] = []
        self._size = 0
        self._random = random.Random(0)  # noqa: S311 - no secret depends on it
        self._ceiling = 1.0

    def add(self, file: ImportFile, batch: Batch) -> None:
        """Take some rows of a batch."""
        ranks = np.random.default_rng(self._random.getrandbits(32)).random(len(batch.events))
        rows = np.flatnonzero(ranks <= min(self._ceiling, _smallest(ranks)))
        if not len(rows):
            return
        raws = [batch.raw(row) for row in rows.tolist()]
        self._picks.append(_Pick(file.file_no, ranks[rows], raws, batch.events.take(rows)))
        self._size += len(rows)
        # Seldom, because every pick is cut: an archive has one per file.
        if self._size > 2 * SAMPLE_ROWS:
            self._cut()

    def _cut(self) -> None:
        """Keep the rows with the smallest ranks."""
        if not self._picks:
            return
        self._ceiling = _smallest(np.concatenate([pick.ranks for pick in self._picks]))
        cut = [pick.up_to(self._ceiling) for pick in self._picks]
        self._picks = [pick for pick in cut if pick.raws]
        self._size = sum(len(pick.raws) for pick in self._picks)

    def records(self) -> Iterator[int]:
        """Yield the ordinals of the rows in the sample, within their files."""
        self._cut()
        for pick in self._picks:
            yield from pick.events.record.tolist()

    def is_confirmed(self, attempt: Attempt, mapping: Mapping) -> bool:
        """Read the sampled rows again by the row path and tell whether all give the same events."""
        self._cut()
        return all(
            _columns(Events.concat([pick.events for pick in picks])) == _columns(again)
            for picks, again in self._read_again(attempt, mapping)
        )

    def _read_again(self, attempt: Attempt, mapping: Mapping) -> Iterator[tuple[list[_Pick], Events]]:
        for file in attempt.row.files.order_by("file_no"):
            picks = [pick for pick in self._picks if pick.file_no == file.file_no]
            if picks:
                raws = [raw for pick in picks for raw in pick.raws]
                yield picks, _read_rows(raws, file, attempt, mapping)


def _smallest(ranks: Floats) -> float:
    """Return the rank up to which as many are as a sample has rows."""
    return float(np.partition(ranks, SAMPLE_ROWS - 1)[SAMPLE_ROWS - 1]) if len(ranks) > SAMPLE_ROWS else 1.0


def _read_rows(raws: list[bytes], file: ImportFile, attempt: Attempt, mapping: Mapping) -> Events:
    dialect = Dialect.from_json(file.dialect)
    content, dialect = join_records(raws, dialect)
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
