"""Files against what was loaded of them: digests, numbers of lines, and the line that was changed."""

import hashlib
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

import orjson
from django.db import connection

from apps.signals.checking.findings import Check
from apps.signals.formulas.verification.check import check_statistics
from apps.signals.models import Run, RunFile
from apps.signals.storage.places import folder_of

BLOCK_BYTES: Final = 1024 * 1024
# Roles whose lines are rows: role -> the tables that hold them.
LINE_TABLES: Final = {
    "node_results": ("raw_node_results", "raw_entity_results"),
    "classifications": ("raw_classifications",),
    "contributions": ("raw_contributions",),
}


def check_files(run: Run) -> Check:
    """Compare every file's SHA-256 with that of the load; name the first line that differs."""
    check = Check("files")
    for file in RunFile.objects.filter(run=run).exclude(role="taxonomy").order_by("path"):
        path = folder_of(run) / file.path
        digest = _sha256(path)
        if digest is None:
            check.expect(holds=False, otherwise=f"{file.path}: gone")
        elif file.sha256:
            line = _first_difference(run, file, path) if digest != file.sha256 else None
            place = f"{file.path}:{line}" if line else file.path
            check.expect(holds=digest == file.sha256, otherwise=f"{place}: changed since it was loaded")
    return check


def check_lines(run: Run) -> Check:
    """Compare the lines of the files with the rows of the raw tables; rejected lines have none."""
    check = Check("lines")
    lines = rows = 0
    for role, tables in LINE_TABLES.items():
        lines += sum(RunFile.objects.filter(run=run, role=role).values_list("lines", flat=True))
        rows += sum(_count(table, run) for table in tables)
    check.checked = lines
    if lines - run.rejected_count != rows:
        check.note(f"{lines:,} lines, {run.rejected_count:,} rejected, but {rows:,} raw rows")
    return check


def check_formulas(run: Run) -> Check:
    """Recompute every figure of the run's files from its values."""
    check = Check("formulas")
    check.checked = run.entity_count
    for found in check_statistics(folder_of(run), run.graph.facility_dimension):
        check.note(f"{found.file}:{found.line}: {found.figure} is {found.written}, not {found.computed}")
    return check


def _sha256(path: Path) -> str | None:
    try:
        with path.open("rb") as stream:
            digest = hashlib.sha256()
            while block := stream.read(BLOCK_BYTES):
                digest.update(block)
    except OSError:
        return None
    return digest.hexdigest()


def _first_difference(run: Run, file: RunFile, path: Path) -> int | None:
    """Return the first line that is not what was loaded, None where lines are no rows."""
    if file.role not in LINE_TABLES:
        return None
    loaded = _loaded_lines(run, file)
    with path.open("rb") as stream:
        for number, (line, known) in enumerate(zip_longest(stream, loaded), 1):
            if line is None or known is None or _read(line) != _read(known):
                return number
    return None


def _loaded_lines(run: Run, file: RunFile) -> Iterator[bytes]:
    """Yield the payloads of a file's lines in order."""
    for table in LINE_TABLES[file.role]:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT payload::text FROM {table} WHERE run_id = %s AND file_id = %s ORDER BY line_no",  # noqa: S608 - names above
                [run.pk, file.pk],
            )
            for (payload,) in cursor:
                yield payload.encode()


def _read(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except ValueError:
        return None


def _count(table: str, run: Run) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table} WHERE run_id = %s", [run.pk])  # noqa: S608 - names above
        return int(cursor.fetchone()[0])
