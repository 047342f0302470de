"""Read: tables go block by block into parts, stage table and evidence, one transaction per chunk."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO, Final

from django.conf import settings
from django.db import connection, transaction
from psycopg.sql import SQL, Identifier

from apps.common.errors import Invalid
from apps.datasets.importing import faults
from apps.datasets.importing.attempt import Attempt, area_of
from apps.datasets.importing.checkpoint import READ, READING, list_reject_counts
from apps.datasets.importing.sources import open_source
from apps.datasets.models import ImportFile, Segment, TermField
from apps.datasets.reading.duplicates import Duplicates, duplicates_under, replay
from apps.datasets.reading.mapping import Dialect, Mapping
from apps.datasets.reading.reader import read_table
from apps.datasets.reading.rows import Batch, Events, Position, Reject, RejectKind
from apps.datasets.states import DuplicatePolicy, FileState
from apps.datasets.storage.events import copy_events
from apps.datasets.storage.evidence import delete_rejects, write_rejects
from apps.datasets.storage.parts import files_prefix, write_part
from apps.datasets.storage.rows import read_segment
from apps.datasets.storage.stage import create_stage
from apps.datasets.storage.terms import TermNumbers

# Evidence waits in memory too; a file of nothing but bad rows must not grow there.
CHUNK_REJECTS: Final = 20_000
COUNTS: Final = ("rows_read", "accepted", "rejected", "duplicates", "blank_lines")


class TooManyRejects(Invalid):
    """Too many rows were rejected.

    Nothing is published; the rejected rows with their reasons are kept as evidence.
    """

    code = "datasets.too_many_rejects"


def load(attempt: Attempt, mapping: Mapping) -> None:
    """Read what is left to read, from the checkpoint on; wherever it was killed, the end is the same."""
    if attempt.has(READ):
        return
    if not attempt.has(READING):
        _begin(attempt)
    _Reading(attempt, mapping).run()


def _begin(attempt: Attempt) -> None:
    """Make segment and stage table; forget counts and evidence of an attempt that was given up."""
    dataset, row = attempt.dataset, attempt.row
    with transaction.atomic():
        segment = Segment.objects.create(dataset=dataset, slab=0, partition_key=attempt.options.partition)
        segment.refresh_from_db(fields=["no"])
        segment.files_prefix = files_prefix(dataset, segment.no)
        segment.save(update_fields=["files_prefix"])
        delete_rejects(dataset.no, row.no)
        row.files.update(state=FileState.PENDING, **dict.fromkeys(COUNTS, 0))
        attempt.save(
            replace(
                attempt.at,
                reached=READING,
                segment_no=segment.no,
                base_version=str(dataset.current_version_id) if dataset.current_version_id else None,
            ),
            warnings={},
            reject_counts=[],
            **dict.fromkeys(COUNTS, 0),
        )
        create_stage(attempt.stage_table, attempt.key)


@dataclass(slots=True)
class _Pending:
    """What was read and is not yet committed."""

    events: list[Events]
    rejects: list[Reject]
    rows: int = 0

    @property
    def is_full(self) -> bool:
        """Tell whether the next chunk should be committed."""
        return self.rows >= settings.DATASETS_CHUNK_ROWS or len(self.rejects) >= CHUNK_REJECTS


class _Reading:
    """One attempt's pass over the tables.

    A policy that remembers rows is brought up to the checkpoint by reading the tables from their beginning
    again (`is_known`): blocks are then cut as they were before, so the checkpoint is the end of one of them.
    """

    def __init__(self, attempt: Attempt, mapping: Mapping) -> None:
        self.attempt = attempt
        self.mapping = mapping
        self.files = list(attempt.row.files.order_by("file_no"))
        self.bytes_total = max(sum(file.bytes for file in self.files), 1)
        self.bytes_read = attempt.at.bytes_read
        self.resumed_at = attempt.at.file_no, attempt.at.position
        self.file_no, self.position = self.resumed_at
        self.warnings: Counter[str] = Counter(attempt.row.warnings)
        self.reject_counts = attempt.at.reject_counts
        self.pending = _Pending([], [])
        self.terms = self._terms()
        self.duplicates = self._duplicates()

    def run(self) -> None:
        """Read every table from where the last attempt stopped, and commit the rest."""
        for file in self.files:
            self._read(file)
        self._commit(reached=READ)

    def _read(self, file: ImportFile) -> None:
        if not self.remembers and file.file_no < self.resumed_at[0]:
            return
        if file.state == FileState.PENDING:
            file.state = FileState.READING
        with open_source(file) as stream:
            start = None if self.remembers or file.file_no != self.resumed_at[0] else self.resumed_at[1]
            for batch in self._batches(file, stream, start):
                if self._is_known(file, batch):
                    replay(self.duplicates, batch)
                    continue
                self.file_no, self.position = file.file_no, batch.position
                self._take(file, self.duplicates.apply(batch))
                if self.pending.is_full:
                    self._commit(reached=READING)
                self._tell()
        file.state = FileState.READ

    def _is_known(self, file: ImportFile, batch: Batch) -> bool:
        """Tell whether an earlier attempt has committed this batch."""
        file_no, position = self.resumed_at
        if file.file_no != file_no or position is None:
            return file.file_no < file_no
        return batch.position.byte_offset <= position.byte_offset and self.remembers

    @property
    def remembers(self) -> bool:
        """Tell whether the policy compares a row with earlier ones."""
        return self.attempt.options.duplicates is not DuplicatePolicy.KEEP_ALL

    def _duplicates(self) -> Duplicates:
        """Return the policy's state with the rows that stay, and for two passes with the first one done."""
        duplicates = duplicates_under(self.attempt.options.duplicates.value)
        if self.remembers:
            for segment in self.attempt.kept_segments():
                self.attempt.run.check()
                for events in read_segment(segment, self.attempt.dataset.no):
                    duplicates.prime(events)
        for file in self.files if duplicates.needs_survey else ():
            with open_source(file) as stream:
                for batch in self._batches(file, stream, None):
                    duplicates.survey(batch)
                    self.attempt.run.progress(0.15, stage="read")
        return duplicates

    def _batches(self, file: ImportFile, stream: BinaryIO, start: Position | None) -> Iterator[Batch]:
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
            start=start,
            fast_path=settings.DATASETS_FAST_PATH,
        )

    def _take(self, file: ImportFile, batch: Batch) -> None:
        """Count a batch and keep it for the next commit; raises TooManyRejects over the absolute cap."""
        duplicates = sum(reject.kind is RejectKind.DUPLICATE for reject in batch.rejects)
        file.rows_read += batch.rows_read
        file.accepted += len(batch.events)
        file.rejected += len(batch.rejects) - duplicates
        file.duplicates += duplicates
        file.blank_lines += batch.blank_lines
        self.bytes_read += batch.bytes_read
        self.warnings.update(batch.warnings)
        for reject in batch.rejects:
            if reject.kind is RejectKind.REJECTED:
                self.reject_counts[reject.code.value, reject.column] += 1
        self.pending.events.append(batch.events)
        self.pending.rejects.extend(batch.rejects)
        self.pending.rows += len(batch.events)
        if self._count("rejected") > settings.DATASETS_REJECTS_MAX:
            self._commit(reached=READING)
            raise TooManyRejects(f"Over {settings.DATASETS_REJECTS_MAX:,} rows were rejected.")

    def _commit(self, *, reached: str) -> None:
        """Write the pending rows: the part first, then everything else in one short transaction."""
        attempt, at = self.attempt, self.attempt.at
        events, rejects = Events.concat(self.pending.events), self.pending.rejects
        prefix = files_prefix(attempt.dataset, at.segment_no)
        part_bytes = write_part(prefix, at.chunk, events, at.event_no) if len(events) else 0
        faults.reach("after_part")
        with transaction.atomic():
            self._copy(events, rejects)
            faults.reach("before_commit")
            attempt.save(
                replace(
                    at,
                    reached=reached,
                    file_no=self.file_no,
                    position=self.position,
                    event_no=at.event_no + len(events),
                    reject_seq=at.reject_seq + len(rejects),
                    chunk=at.chunk + bool(len(events)),
                    bytes_read=self.bytes_read,
                    parts_bytes=at.parts_bytes + part_bytes,
                    reject_counts=self.reject_counts,
                ),
                warnings=dict(self.warnings),
                reject_counts=list_reject_counts(self.reject_counts),
                **self._counts(),
            )
        self.pending = _Pending([], [])
        faults.reach(f"after_chunk_{at.chunk + 1}")

    def _copy(self, events: Events, rejects: list[Reject]) -> None:
        attempt, at = self.attempt, self.attempt.at
        if len(events):
            terms = self.terms.number(events)
            with connection.cursor() as cursor:
                copy_events(cursor, attempt.stage_table, events, terms, key=attempt.key, first_no=at.event_no)
        write_rejects(attempt.dataset.no, attempt.row.no, at.reject_seq, rejects)
        for file in self.files:
            if file.state != FileState.PENDING:
                file.save(update_fields=["state", *COUNTS])

    def _tell(self) -> None:
        share = min(self.bytes_read / self.bytes_total, 1.0)
        self.attempt.run.progress(0.15 + 0.70 * share, stage="read", **self._counts())

    def _counts(self) -> dict[str, int]:
        return {name: self._count(name) for name in COUNTS}

    def _count(self, name: str) -> int:
        return sum(getattr(file, name) for file in self.files)

    def _terms(self) -> TermNumbers:
        """Return the dataset's terms, those counted that the new version has already."""
        terms = TermNumbers(self.attempt.dataset.no)
        for segment in self.attempt.kept_segments():
            terms.keep(TermField.CATEGORY, {int(number) for number in segment.category_counts})
        statement = SQL("SELECT DISTINCT category_no, label_no FROM {}")
        with connection.cursor() as cursor:
            cursor.execute(statement.format(Identifier(self.attempt.stage_table)))
            pairs = cursor.fetchall()
        terms.keep(TermField.CATEGORY, {category for category, _ in pairs})
        terms.keep(TermField.LABEL, {label for _, label in pairs if label is not None})
        return terms
