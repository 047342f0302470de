"""Read: tables go block by block through the duplicate policy into chunks."""

import datetime as dt
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from typing import Any, BinaryIO, Final

from django.conf import settings
from django.db import transaction

from apps.common.errors import Invalid
from apps.common.jobs import JobCancelled
from apps.datasets.importing.attempt import Attempt, area_of
from apps.datasets.importing.checkpoint import READ, READING
from apps.datasets.importing.chunks import COUNTS, ChunkWriter
from apps.datasets.importing.months import month_span
from apps.datasets.importing.reading_ahead import read_ahead
from apps.datasets.importing.sampling import RowSample
from apps.datasets.importing.sources import open_source
from apps.datasets.models import ImportFile, Segment
from apps.datasets.reading.duplicates import duplicates_under
from apps.datasets.reading.limits import QUALITY_DUPLICATES_MAX_ROWS
from apps.datasets.reading.mapping import Dialect, Mapping
from apps.datasets.reading.quality import QualityReport
from apps.datasets.reading.reader import read_table
from apps.datasets.reading.rows import Batch, WarningKind
from apps.datasets.states import DuplicatePolicy, FileState
from apps.datasets.storage.evidence import delete_rejects
from apps.datasets.storage.parts import files_prefix
from apps.datasets.storage.rows import read_segment
from apps.datasets.storage.stage import count_outside, create_stage

READ_FROM: Final = 0.15
READ_TO: Final = 0.85


class TooManyRejects(Invalid):
    """Too many rows were rejected.

    Nothing is published; the rejected rows with their reasons are kept as evidence.
    """

    code = "datasets.too_many_rejects"


def load(attempt: Attempt, mapping: Mapping) -> RowSample | None:
    """Read what is left to read; wherever an attempt before was killed, the end is the same.

    Returns rows to check afterwards, None if an earlier attempt has read everything.
    """
    if attempt.has(READ):
        return None
    if not attempt.has(READING):
        _begin(attempt)
    reading = _Reading(attempt, mapping)
    reading.run()
    return reading.sample


def _begin(attempt: Attempt) -> None:
    """Make segment and stage table; forget counts and evidence of an attempt that was given up."""
    dataset, row = attempt.dataset, attempt.row
    with transaction.atomic():
        segment = Segment.objects.create(
            dataset=dataset,
            source_import=row,
            slab=0,
            partition_source=row.source_id,
            partition_key=attempt.options.partition,
        )
        segment.refresh_from_db(fields=["no"])
        segment.files_prefix = files_prefix(dataset, segment.no)
        segment.save(update_fields=["files_prefix"])
        delete_rejects(dataset.no, row.no)
        row.files.update(state=FileState.PENDING, **dict.fromkeys(COUNTS, 0))
        base = str(dataset.current_version_id) if dataset.current_version_id else None
        checkpoint = replace(attempt.at, reached=READING, segment_no=segment.no, base_version=base)
        attempt.save(checkpoint, warnings={}, reject_counts=[], **dict.fromkeys(COUNTS, 0))
        create_stage(attempt.stage_table, attempt.key)


class _Reading:
    """One attempt's pass over all tables.

    What an earlier attempt has committed is read again, because the policy and the quality report remember
    rows, and is not written again. Blocks are cut as they were then, so the checkpoint ends one of them.
    """

    def __init__(self, attempt: Attempt, mapping: Mapping) -> None:
        self.attempt = attempt
        self.mapping = mapping
        self.files = list(attempt.row.files.order_by("file_no"))
        self.bytes_total = max(sum(file.bytes for file in self.files), 1)
        self.bytes_read = 0
        self.writer = ChunkWriter(attempt, self.files)
        self.quality = QualityReport()
        self.sample = RowSample()
        self.duplicates = duplicates_under(attempt.options.duplicates.value)
        self.committed = attempt.at.file_no, attempt.at.position

    def run(self) -> None:
        """Read every table and commit all that is not committed yet."""
        self._prime()
        self._survey()
        try:
            self._read_files()
            self._finish()
        except JobCancelled:
            # The counts that were shown keep the rows that they speak of.
            self.writer.keep_evidence(warnings=self.quality.warnings())
            raise
        except Invalid:
            self._keep_read()
            raise

    def _keep_read(self) -> None:
        """Commit what was read before an error, so that files and evidence say what the import says.

        A whole chunk, as ever: if the process dies before the import has failed, the next one goes on here.
        """
        if not self.writer.chunk.is_spoilt:
            with suppress(Invalid):
                self.writer.commit(READING, warnings=self.quality.warnings())
                return
        # The chunk itself is at fault: what counts is what was committed before it.
        self.writer.count_committed()

    def _read_files(self) -> None:
        with self._batches() as batches:
            for file, batch in batches:
                if batch is None:
                    file.state = FileState.READ
                    continue
                if file.state == FileState.PENDING:
                    file.state = FileState.READING
                self._take(file, batch)

    def _take(self, file: ImportFile, batch: Batch) -> None:
        self.quality.add_valid(batch)
        kept = self.duplicates.apply(batch)
        self.quality.add_kept(kept)
        self.bytes_read += batch.bytes_read
        if not self._is_committed(file, batch):
            self.sample.add(file, kept)
            self.writer.take(file, kept)
            if self.writer.chunk.is_full:
                self.writer.commit(READING, warnings=self.quality.warnings())
            if self.writer.counts()["rejected"] > settings.DATASETS_REJECTS_MAX:
                self.writer.commit(READING, warnings=self.quality.warnings())
                raise TooManyRejects(f"Over {settings.DATASETS_REJECTS_MAX:,} rows were rejected.")
        share = min(self.bytes_read / self.bytes_total, 1.0)
        self._tell(READ_FROM + (READ_TO - READ_FROM) * share)

    def _is_committed(self, file: ImportFile, batch: Batch) -> bool:
        """Tell whether an earlier attempt has committed this batch."""
        file_no, position = self.committed
        if file.file_no != file_no or position is None:
            return file.file_no < file_no
        return batch.position.byte_offset <= position.byte_offset

    def _finish(self) -> None:
        """Commit the rest, and the quality report with it."""
        facts = self.attempt.at.facts
        for kind in facts["warnings"]:
            self.quality.warn(kind, self.writer.counts()["accepted"])
        if self.attempt.row.month is not None:
            self._look_outside(self.attempt.row.month)
        report: dict[str, Any] = self.quality.to_json() | {"files": facts["files"]}
        self.writer.commit(READ, warnings=self.quality.warnings(), quality=report)

    def _look_outside(self, month: dt.date) -> None:
        """Count the rows that are dated outside the month: they load all the same."""
        self.writer.commit(READING, warnings=self.quality.warnings())
        start, end = month_span(month, self.attempt.dataset.zone)
        outside = count_outside(self.attempt.stage_table, start, end)
        if outside:
            self.quality.warn(WarningKind.OUTSIDE_PARTITION, outside)

    def _prime(self) -> None:
        """Let policy and census know the rows that stay, where anybody compares with them."""
        segments = self.attempt.kept_segments()
        remembers = self.attempt.options.duplicates is not DuplicatePolicy.KEEP_ALL
        is_counted = sum(segment.rows for segment in segments) <= QUALITY_DUPLICATES_MAX_ROWS
        for segment in segments if remembers or is_counted else ():
            for events in read_segment(segment, self.attempt.dataset.no):
                # Between parts, for millions of rows take minutes: a stopping worker would be killed.
                self._tell(READ_FROM)
                self.duplicates.prime(events)
                if is_counted:
                    self.quality.census.prime(events)

    def _survey(self) -> None:
        """Make the first of two passes, for a policy that needs one."""
        if not self.duplicates.needs_survey:
            return
        with self._batches() as batches:
            for _, batch in batches:
                if batch is not None:
                    self.duplicates.survey(batch)
                    self._tell(READ_FROM)

    def _batches(self) -> AbstractContextManager[Iterator[tuple[ImportFile, Batch | None]]]:
        """Read all files while the batches before are written (places.md section 8)."""
        return read_ahead(self._read_all, lambda item: item[1].nbytes if item[1] else 0)

    def _read_all(self) -> Generator[tuple[ImportFile, Batch | None]]:
        """Yield the batches of each file in order, then None. No query may be made here."""
        for file in self.files:
            with open_source(file) as stream:
                for batch in self._read(file, stream):
                    yield file, batch
            yield file, None

    def _read(self, file: ImportFile, stream: BinaryIO) -> Iterator[Batch]:
        dataset = self.attempt.dataset
        return read_table(
            stream,
            file_no=file.file_no,
            mapping=self.mapping,
            dialect=Dialect.from_json(file.dialect),
            header=tuple(file.header),
            zone=dataset.zone,
            now=self.attempt.at.now,
            area=area_of(dataset),
            personal_words=settings.DATASETS_PERSONAL_WORDS,
            fast_path=settings.DATASETS_FAST_PATH,
        )

    def _tell(self, fraction: float) -> None:
        self.attempt.run.progress(fraction, stage="read", **self.writer.counts())
