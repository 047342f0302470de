"""Fetch: uploaded files and archive members become numbered tables with digests; the unchanged test."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from apps.datasets.importing.attempt import Attempt
from apps.datasets.importing.checkpoint import FETCHED, Checkpoint
from apps.datasets.importing.sources import SourceFile, expand, refuse_repeated
from apps.datasets.models import Import, ImportFile
from apps.datasets.reading.errors import EmptyFile
from apps.datasets.states import ImportMode


def fetch(attempt: Attempt, now: datetime) -> None:
    """List what there is to read.

    Raises ArchiveRefused, ArchiveNested, ArchiveNoMember, FileRepeated and EmptyFile.

    `now` is what reading will take for the present, in every attempt.
    """
    if attempt.has(FETCHED):
        return
    attempt.run.progress(0.01, stage="fetch")
    tables: list[SourceFile] = []
    uploads = list(attempt.row.files.order_by("file_no"))
    for number, upload in enumerate(uploads, 1):
        tables += expand(upload.name, upload.storage_name, attempt.options.member_pattern)
        attempt.run.progress(0.10 * number / len(uploads), stage="fetch")
    if not any(table.size for table in tables):
        raise EmptyFile
    if not attempt.options.force:
        refuse_repeated(tables)
    with transaction.atomic():
        _write(attempt.row, tables)
        attempt.save(Checkpoint(reached=FETCHED, now=now))


def _write(row: Import, tables: Sequence[SourceFile]) -> None:
    """Put one row per table in the place of the rows of the uploads."""
    row.files.all().delete()
    ImportFile.objects.bulk_create(
        ImportFile(
            source_import=row,
            file_no=number,
            name=table.name,
            storage_name=table.storage_name,
            member=table.member,
            bytes=table.size,
            sha256=table.sha256,
        )
        for number, table in enumerate(tables, 1)
    )


def is_unchanged(attempt: Attempt) -> bool:
    """Tell whether a replace would only publish the current version again."""
    if attempt.options.mode is not ImportMode.REPLACE or attempt.options.force or attempt.options.dry_run:
        return False
    version = attempt.dataset.current_version
    last = version.source_import if version else None
    if last is None or last.pk == attempt.row.pk or last.mode != ImportMode.REPLACE:
        return False
    # Whether a file was forced, and by which way it came, says nothing about what it holds.
    way = {"force": False, "source": None}
    if last.options | way != attempt.row.options | way:
        return False
    return _digests(last) == _digests(attempt.row)


def _digests(row: Import) -> Counter[bytes]:
    return Counter(bytes(digest) for digest in row.files.values_list("sha256", flat=True))
