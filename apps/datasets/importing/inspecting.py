"""Inspect: what the tables are, and how their columns become events; or a wait for somebody to decide."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.datasets.importing.attempt import Attempt, area_of
from apps.datasets.importing.checkpoint import INSPECTED, list_reject_counts
from apps.datasets.importing.profiles import find_profile, learn_signature
from apps.datasets.importing.sources import open_source
from apps.datasets.models import Import, ImportFile, Profile
from apps.datasets.reading.column_scan import prove_times
from apps.datasets.reading.columns import ColumnPlan, resolve_columns
from apps.datasets.reading.errors import ColumnsMissing, EmptyFile, ReadingError
from apps.datasets.reading.inspection import inspect_table
from apps.datasets.reading.inspections import Inspection
from apps.datasets.reading.lines import ByteStream
from apps.datasets.reading.mapping import DialectChoice, Mapping
from apps.datasets.reading.passes import Look, never
from apps.datasets.reading.quality import QualityReport
from apps.datasets.reading.reader import read_table
from apps.datasets.reading.suggestion import Suggestion, mapping_by_names, suggest_mapping

# Samples of five thousand members would not fit into memory; the columns of all are compared anyway.
SAMPLED_FILES: Final = 24
TRIED_BYTES: Final = 1024 * 1024
INSPECT_FROM: Final = 0.10
INSPECT_TO: Final = 0.14


def inspect(attempt: Attempt) -> Mapping | None:
    """Return the mapping to read by; None if the import now waits for a decision.

    Raises NotATable, EmptyFile, TooManyColumns, ColumnsMissing, MappingInvalid, each naming the file.
    """
    if attempt.has(INSPECTED):
        return Mapping.from_json(attempt.row.mapping)
    files = list(attempt.row.files.order_by("file_no"))
    choice = _choice(attempt.row)
    inspections = [_inspect_file(attempt, files, number, choice) for number in range(len(files))]
    profile = find_profile(attempt.row, inspections[0])
    if profile and profile.dialect and choice is None:
        choice = DialectChoice.from_json(profile.dialect)
        inspections = [_inspect_file(attempt, files, number, choice) for number in range(len(files))]
    decision = _decide(attempt, files, inspections, profile)
    if decision is None or decision.mapping is None:
        attempt.run.wait(stage="inspect")
        return None
    pairs = zip(files, inspections, strict=True)
    plans = [_check_columns(file, decision.mapping, inspection) for file, inspection in pairs]
    _write(attempt, decision, files, list(zip(inspections, plans, strict=True)))
    return decision.mapping


@dataclass(frozen=True, slots=True)
class _Decision:
    """The mapping to read by, and the kinds of warning that come of having guessed it."""

    mapping: Mapping | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the inspection found in the first table, and how the columns of all might be mapped.

    `outcome` is what the suggested mapping makes of the first megabyte: {rows_read, accepted, reject_counts}.
    """

    file: ImportFile
    inspection: Inspection
    suggestion: Suggestion
    outcome: dict[str, Any] | None


def propose(row: Import) -> Proposal:
    """Inspect a waiting import again, for whoever has to decide."""
    files = list(row.files.order_by("file_no")[:SAMPLED_FILES])
    inspections = [_read_head(file, _choice(row)) for file in files]
    suggestion = _suggest(inspections)
    if profile := find_profile(row, inspections[0]):
        suggestion = replace(suggestion, mapping=Mapping.from_json(profile.mapping))
    outcome = _try_out(row, files[0], inspections[0], suggestion.mapping) if suggestion.mapping else None
    return Proposal(files[0], inspections[0], suggestion, outcome)


def _try_out(row: Import, file: ImportFile, inspection: Inspection, mapping: Mapping) -> dict[str, Any]:
    """Read the beginning of a table by a mapping that nobody has confirmed yet."""
    with open_source(file) as stream:
        batches = read_table(
            stream,
            file_no=file.file_no,
            mapping=mapping,
            dialect=inspection.dialect,
            header=inspection.header,
            zone=row.dataset.zone,
            now=timezone.now(),
            area=area_of(row.dataset),
            personal_words=settings.DATASETS_PERSONAL_WORDS,
            block_bytes=TRIED_BYTES,
            fast_path=False,
        )
        batch = next(batches)
    counts = Counter((reject.code.value, reject.column) for reject in batch.rejects)
    return {
        "rows_read": batch.rows_read,
        "accepted": len(batch.events),
        "reject_counts": list_reject_counts(counts),
    }


def _decide(
    attempt: Attempt, files: list[ImportFile], inspections: list[Inspection], profile: Profile | None
) -> "_Decision | None":
    """Return the mapping given, the profile's or, where nothing is open, the suggested one."""
    row = attempt.row
    has_rows = any(inspection.has_rows for inspection in inspections)
    if not has_rows and not attempt.options.force:
        raise EmptyFile("There is a header and no row.")
    if not all(inspection.encoding.is_decided for inspection in inspections):
        return None
    given = row.mapping or attempt.options.mapping or (profile.mapping if profile else None)
    if given is not None:
        return _Decision(Mapping.from_json(given), ())
    if not has_rows and (by_names := mapping_by_names(inspections[0].header)):
        return _Decision(by_names, ())
    suggestion = prove_times(_suggest(inspections), _streams(files, inspections), _looking(attempt, 1.0))
    if not suggestion.is_decided:
        _refuse_missing_columns(files, inspections)
        return None
    return _Decision(suggestion.mapping, suggestion.warnings)


def _refuse_missing_columns(files: list[ImportFile], inspections: list[Inspection]) -> None:
    """Raise ColumnsMissing where the first file alone is clear: no decision gives another its columns."""
    first = _suggest(inspections[:1])
    if first.is_decided and first.mapping is not None:
        for file, inspection in zip(files, inspections, strict=True):
            _check_columns(file, first.mapping, inspection)


def _streams(
    files: list[ImportFile], inspections: list[Inspection]
) -> Iterator[tuple[ByteStream, Inspection]]:
    """Yield each table opened, one after the other."""
    for file, inspection in zip(files, inspections, strict=True):
        with open_source(file) as stream:
            yield stream, inspection


def _suggest(inspections: list[Inspection]) -> Suggestion:
    with_rows = [inspection for inspection in inspections if inspection.has_rows]
    return suggest_mapping(with_rows or inspections, settings.DATASETS_PERSONAL_WORDS)


def _inspect_file(
    attempt: Attempt, files: list[ImportFile], number: int, choice: DialectChoice | None
) -> Inspection:
    look = _looking(attempt, number / len(files))
    look()
    try:
        inspection = _read_head(files[number], choice, look)
    except ReadingError as error:
        raise _naming(error, files[number]) from error
    return inspection if number < SAMPLED_FILES else replace(inspection, sample=())


def _looking(attempt: Attempt, share: float) -> Look:
    """Return what a pass calls meanwhile: it says how far inspecting is, and stops a cancelled import."""
    return partial(attempt.run.progress, INSPECT_FROM + (INSPECT_TO - INSPECT_FROM) * share, stage="inspect")


def _read_head(file: ImportFile, choice: DialectChoice | None, look: Look = never) -> Inspection:
    with open_source(file) as stream:
        return inspect_table(stream, file.bytes, choice, look)


def _choice(row: Import) -> DialectChoice | None:
    """Return what was decided about the dialect, at the waiting import or before."""
    decided = row.dialect or row.options.get("dialect")
    return DialectChoice.from_json(decided) if decided else None


def _check_columns(file: ImportFile, mapping: Mapping, inspection: Inspection) -> ColumnPlan:
    try:
        return resolve_columns(mapping, inspection.header, settings.DATASETS_PERSONAL_WORDS)
    except ColumnsMissing as error:
        raise _naming(error, file) from error


def _naming(error: ReadingError, file: ImportFile) -> ReadingError:
    """Return the error with the file's name in front."""
    return type(error)(f"{file.name}: {error.detail}", errors=error.errors, extra=error.extra)


def _write(
    attempt: Attempt,
    decision: _Decision,
    files: list[ImportFile],
    found: list[tuple[Inspection, ColumnPlan]],
) -> None:
    report = QualityReport()
    for file, (inspection, plan) in zip(files, found, strict=True):
        file.dialect = inspection.dialect.to_json()
        file.header = list(inspection.header)
        report.add_file(file.file_no, inspection, plan.personal)
    facts = {"files": report.to_json()["files"], "warnings": list(decision.warnings)}
    mapping = decision.mapping.to_json() if decision.mapping else None
    with transaction.atomic():
        for file in files:
            file.save(update_fields=["dialect", "header"])
        if mapping is not None:
            learn_signature(attempt.row, mapping, found[0][0])
        attempt.save(
            replace(attempt.at, reached=INSPECTED, facts=facts), mapping=mapping, dialect=files[0].dialect
        )
