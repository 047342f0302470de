"""Fetch: files, remote ones too, and archive members become numbered tables; the unchanged test."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import transaction

from apps.common.outbound.calling import HostFailed
from apps.common.uploads import FOLDER
from apps.datasets.importing import faults
from apps.datasets.importing.attempt import Attempt
from apps.datasets.importing.checkpoint import FETCHED, Checkpoint
from apps.datasets.importing.options import ImportOptions
from apps.datasets.importing.part_files import part_file
from apps.datasets.importing.remote import Fetched, FetchFailed, Validators, download
from apps.datasets.importing.sources import SourceFile, expand, refuse_repeated
from apps.datasets.models import Import, ImportFile, VersionSegment
from apps.datasets.reading.errors import EmptyFile
from apps.datasets.states import ImportMode, Outcome, SourceOf

FETCHED_TO: Final = 0.10


def fetch(attempt: Attempt, now: datetime) -> bool:
    """List what there is to read; false if the other host says that it is still what was read last.

    Raises what `download` raises, ArchiveRefused, ArchiveNested, ArchiveNoMember, FileRepeated, EmptyFile.

    `now` is what reading will take for the present, in every attempt.
    """
    if attempt.has(FETCHED):
        return True
    attempt.run.progress(0.01, stage="fetch")
    if is_remote(attempt.options) and not attempt.row.files.exists() and not _fetch_remote(attempt):
        return False
    tables: list[SourceFile] = []
    uploads = list(attempt.row.files.order_by("file_no"))
    for number, upload in enumerate(uploads, 1):
        look = partial(attempt.run.progress, FETCHED_TO * (number - 1) / len(uploads), stage="fetch")
        tables += expand(upload.name, upload.storage_name, attempt.options.member_pattern, look)
        attempt.run.progress(FETCHED_TO * number / len(uploads), stage="fetch")
    if not any(table.size for table in tables):
        raise EmptyFile
    if not attempt.options.force:
        refuse_repeated(tables)
    with transaction.atomic():
        _write(attempt.row, tables)
        attempt.save(Checkpoint(reached=FETCHED, now=now))
    return True


def is_remote(options: ImportOptions) -> bool:
    """Tell whether the file is to be fetched from another host."""
    return options.source is not None and options.source["kind"] == SourceOf.URL


def _fetch_remote(attempt: Attempt) -> bool:
    """Bring the remote file into the storage, under a name that a repeated attempt writes again."""
    row = attempt.row
    with part_file(row.pk) as target:
        fetched = _downloaded(attempt, target)
        if fetched is None:
            return False
        faults.reach("after_download")
        storage_name = f"{FOLDER}/import-{row.pk.hex}"
        default_storage.delete(storage_name)
        with target.open("rb") as whole_file:
            stored = default_storage.save(storage_name, File(whole_file))
        faults.reach("after_store")
    with transaction.atomic():
        attempt.run.write(validators=asdict(fetched.validators))
        ImportFile.objects.create(
            source_import=row,
            file_no=1,
            name=fetched.name,
            storage_name=stored,
            bytes=fetched.size,
            sha256=fetched.sha256,
        )
    return True


def _downloaded(attempt: Attempt, target: Path) -> Fetched | None:
    """Download the file into `target`; None if it is the one that was read last.

    A host that cannot just now is asked again by the next attempt; after the last one it is FetchFailed.
    """
    row, source = attempt.row, attempt.options.source or {}

    def tell(have: int, whole: int | None) -> None:
        attempt.run.progress(0.01 + (0.08 * have / whole if whole else 0.0), stage="fetch")
        faults.reach("in_download")

    last = _last_like(attempt)
    is_same_place = last is not None and (last.options.get("source") or {}).get("url") == source["url"]
    known = Validators(**last.validators) if last is not None and is_same_place else None
    promised = source.get("sha256", "")
    try:
        return download(source["url"], target, expected_sha256=promised, known=known, on_progress=tell)
    except FetchFailed as error:
        # What became of a month depends on it.
        attempt.run.write(validators={"status": error.status})
        raise
    except HostFailed as error:
        if row.attempt < row.max_attempts:
            raise
        attempt.run.write(validators={"status": error.answer.status})
        raise FetchFailed.with_status(error.answer.status) from error


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
    """Tell whether a replace, or a month, would only publish again what the current version holds."""
    last = _last_like(attempt)
    return last is not None and _digests(last) == _digests(attempt.row)


def _last_like(attempt: Attempt) -> Import | None:
    """Return the import that the current version, or its part of the same month, stands on.

    None unless it was read in the same way, or if nobody asks whether something is new.
    """
    row, options = attempt.row, attempt.options
    if options.mode is ImportMode.APPEND or options.force or options.dry_run:
        return None
    last = _of_month(row) if row.source_id else _of_version(attempt)
    # Whether a file was forced, and by which way it came, says nothing about what it holds.
    way = {"force": False, "source": None}
    if last is None or last.pk == row.pk or last.options | way != row.options | way:
        return None
    return last


def _of_version(attempt: Attempt) -> Import | None:
    version = attempt.dataset.current_version
    last = version.source_import if version else None
    is_whole = attempt.options.mode is ImportMode.REPLACE
    return last if is_whole and last is not None and last.mode == ImportMode.REPLACE else None


def _of_month(row: Import) -> Import | None:
    """Return the last import of the same month of the same source whose rows are still listed."""
    if row.dataset.current_version_id is None:
        return None
    listed = VersionSegment.objects.filter(
        version_id=row.dataset.current_version_id,
        segment__partition_source=row.source_id,
        segment__partition_key=row.options["partition"],
    )
    if not listed.exists():
        return None
    published = Import.objects.filter(source=row.source_id, month=row.month, outcome=Outcome.PUBLISHED)
    return published.order_by("-no").first()


def _digests(row: Import) -> Counter[bytes]:
    return Counter(bytes(digest) for digest in row.files.values_list("sha256", flat=True))
