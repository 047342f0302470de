"""Chunks: what was read waits here until it is written, each chunk in one short transaction."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pyarrow as pa
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Sum
from psycopg.sql import SQL, Identifier

from apps.datasets.importing import faults
from apps.datasets.importing.attempt import Attempt
from apps.datasets.importing.checkpoint import Checkpoint, list_reject_counts
from apps.datasets.models import ImportFile, TermField
from apps.datasets.reading.rows import Batch, Events, Reject, RejectKind
from apps.datasets.states import FileState
from apps.datasets.storage.events import copy_events
from apps.datasets.storage.evidence import write_rejects
from apps.datasets.storage.parts import files_prefix, write_part
from apps.datasets.storage.terms import TermNumbers

# Evidence waits in memory too; a file of nothing but bad rows must not grow there.
CHUNK_REJECTS: Final = 20_000
# Nor may one of wide rows, accepted or not.
CHUNK_BYTES: Final = 64 * 1024**2
COUNTS: Final = ("rows_read", "accepted", "rejected", "duplicates", "blank_lines")


@dataclass(slots=True)
class Chunk:
    """Rows that were read and are not yet committed."""

    events: list[Events] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    rows: int = 0
    size_bytes: int = 0

    @property
    def is_full(self) -> bool:
        """Tell whether it should be committed."""
        return (
            self.rows >= settings.DATASETS_CHUNK_ROWS
            or len(self.rejects) >= CHUNK_REJECTS
            or self.size_bytes >= CHUNK_BYTES
        )

    @property
    def is_spoilt(self) -> bool:
        """Tell whether a commit took its events and failed."""
        return self.rows > 0 and not self.events

    def add(self, batch: Batch) -> None:
        """Take in what a batch gave."""
        self.events.append(batch.events)
        self.rejects.extend(batch.rejects)
        self.rows += len(batch.events)
        self.size_bytes += batch.events.nbytes + sum(len(reject.raw) for reject in batch.rejects)


class ChunkWriter:
    """Counts batches per file and commits them chunk by chunk, with the checkpoint that says so."""

    def __init__(self, attempt: Attempt, files: Sequence[ImportFile]) -> None:
        self.attempt = attempt
        self.files = files
        self.chunk = Chunk()
        self.file_no, self.position = attempt.at.file_no, attempt.at.position
        self.reject_counts: Counter[tuple[str, str | None]] = Counter(
            {(item["code"], item["column"]): item["n"] for item in attempt.row.reject_counts}
        )
        self._terms = _terms_of(attempt)

    def take(self, file: ImportFile, batch: Batch) -> None:
        """Count a batch of a file and keep it for the next commit."""
        duplicates = sum(reject.kind is RejectKind.DUPLICATE for reject in batch.rejects)
        file.rows_read += batch.rows_read
        file.accepted += len(batch.events)
        file.rejected += len(batch.rejects) - duplicates
        file.duplicates += duplicates
        file.blank_lines += batch.blank_lines
        self.reject_counts.update(
            (reject.code.value, reject.column)
            for reject in batch.rejects
            if reject.kind is RejectKind.REJECTED
        )
        self.file_no, self.position = file.file_no, batch.position
        self.chunk.add(batch)

    def commit(self, reached: str, *, warnings: dict[str, int], **facts: Any) -> None:
        """Write the chunk: the part first, then everything else in one transaction.

        A part without its transaction is written over when the chunk is read again.
        """
        attempt, at = self.attempt, self.attempt.at
        events, rejects = Events.drain(self.chunk.events), self.chunk.rejects
        # Arrow keeps what blocks and pieces needed, as much as two chunks, for itself.
        pa.default_memory_pool().release_unused()
        prefix = files_prefix(attempt.dataset, at.segment_no)
        part_bytes = write_part(prefix, at.chunk, events, at.event_no) if len(events) else 0
        faults.reach("after_part")
        with transaction.atomic():
            self._copy(events)
            self._write_evidence(rejects)
            faults.reach("before_commit")
            checkpoint = replace(
                at,
                reached=reached,
                file_no=self.file_no,
                position=self.position,
                event_no=at.event_no + len(events),
                reject_seq=at.reject_seq + len(rejects),
                chunk=at.chunk + bool(len(events)),
                parts_bytes=at.parts_bytes + part_bytes,
                **facts,
            )
            self._save(checkpoint, warnings)
        self.chunk = Chunk()
        faults.reach(f"after_chunk_{checkpoint.chunk}")

    def keep_evidence(self, *, warnings: dict[str, int]) -> None:
        """Write what an import that ends here has counted and rejected, without its events."""
        rejects, at = self.chunk.rejects, self.attempt.at
        with transaction.atomic():
            self._write_evidence(rejects)
            self._save(replace(at, reject_seq=at.reject_seq + len(rejects)), warnings)
        self.chunk = Chunk()

    def count_committed(self) -> None:
        """Let the import count what is committed, where more was shown that never will be."""
        sums = self.attempt.row.files.aggregate(**{name: Sum(name) for name in COUNTS})
        self.attempt.run.write(**sums)

    def counts(self) -> dict[str, int]:
        """Return the sums over the files, committed or not."""
        return {name: sum(getattr(file, name) for file in self.files) for name in COUNTS}

    def _write_evidence(self, rejects: Sequence[Reject]) -> None:
        attempt = self.attempt
        write_rejects(attempt.dataset.no, attempt.row.no, attempt.at.reject_seq, rejects)
        for file in self.files:
            if file.state != FileState.PENDING:
                file.save(update_fields=["state", *COUNTS])

    def _save(self, checkpoint: Checkpoint, warnings: dict[str, int]) -> None:
        counted = list_reject_counts(self.reject_counts)
        self.attempt.save(checkpoint, warnings=warnings, reject_counts=counted, **self.counts())

    def _copy(self, events: Events) -> None:
        if not len(events):
            return
        attempt = self.attempt
        terms = self._terms.number(events)
        with connection.cursor() as cursor:
            copy_events(
                cursor,
                attempt.stage_table,
                events,
                terms,
                key=attempt.key,
                first_no=attempt.at.event_no,
            )


def _terms_of(attempt: Attempt) -> TermNumbers:
    """Return the dataset's terms, those counted that the new version has already."""
    terms = TermNumbers(attempt.dataset.no)
    for segment in attempt.kept_segments():
        terms.keep(TermField.CATEGORY, {int(number) for number in segment.category_counts})
    statement = SQL("SELECT DISTINCT category_no, label_no FROM {}")
    with connection.cursor() as cursor:
        cursor.execute(statement.format(Identifier(attempt.stage_table)))
        pairs = cursor.fetchall()
    terms.keep(TermField.CATEGORY, {category for category, _ in pairs})
    terms.keep(TermField.LABEL, {label for _, label in pairs if label is not None})
    return terms
