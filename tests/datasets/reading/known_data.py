"""The two real files of `../shared/data`, read whole; tests that need them skip where they are absent."""

import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from apps.datasets.reading.duplicates import Duplicates, duplicates_under
from apps.datasets.reading.inspection import inspect_table
from apps.datasets.reading.inspections import Inspection
from apps.datasets.reading.mapping import Mapping
from apps.datasets.reading.reader import read_table
from apps.datasets.reading.rows import Batch

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "data"
LONDON = FOLDER / "uk-city-of-london-2023.zip"
EARTHQUAKES = FOLDER / "usgs-significant-earthquakes-1965-2016.csv"
needs_data = pytest.mark.skipif(not LONDON.exists(), reason="the real files of ../shared/data are not here")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def london_files() -> list[bytes]:
    with zipfile.ZipFile(LONDON) as archive:
        return [archive.read(name) for name in sorted(archive.namelist())]


def inspect(table: bytes) -> Inspection:
    return inspect_table(io.BytesIO(table), len(table))


def read_files(files: list[bytes], mapping: Mapping, zone: str, **options: Any) -> Iterator[Batch]:
    for file_no, table in enumerate(files, 1):
        found = inspect(table)
        settings: dict[str, Any] = {"dialect": found.dialect, "header": found.header, "now": NOW} | options
        yield from read_table(io.BytesIO(table), file_no=file_no, mapping=mapping, zone=zone, **settings)


def read_under(
    policy: str,
    files: list[bytes],
    mapping: Mapping,
    zone: str,
    primed_with: list[Batch] | None = None,
    **options: Any,
) -> list[Batch]:
    """Read under a duplicates policy, in two passes where it asks for them."""
    duplicates: Duplicates = duplicates_under(policy)
    for batch in primed_with or []:
        duplicates.prime(batch.events)
    if duplicates.needs_survey:
        for batch in read_files(files, mapping, zone, **options):
            duplicates.survey(batch)
    return [duplicates.apply(batch) for batch in read_files(files, mapping, zone, **options)]


def counts(batches: list[Batch]) -> tuple[int, int, int, int]:
    """Return rows read, accepted, rejected, duplicates."""
    rejects = [reject for batch in batches for reject in batch.rejects]
    rejected = sum(reject.kind == "rejected" for reject in rejects)
    accepted = sum(len(batch.events) for batch in batches)
    return sum(batch.rows_read for batch in batches), accepted, rejected, len(rejects) - rejected
