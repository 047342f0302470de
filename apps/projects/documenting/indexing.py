"""The job `projects.index_symbols`: the definitions of the published files, for search by name.

Symbols belong to blobs: only blobs that nobody has read are read, and those of blobs that are published no
more are removed. Killed anywhere and run again, it ends the same.
"""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from apps.common.db import JobStatus
from apps.common.jobs import JobCancelled, Listing, Run, job
from apps.projects.analysis.batches import scan_files
from apps.projects.analysis.grammars import find_grammar
from apps.projects.analysis.values import Definition, FileFacts
from apps.projects.documenting.sources import ListedFile, list_files, read_sources
from apps.projects.git.layout import published_repository
from apps.projects.models import Manifest, Mirror, MirrorRun, Symbol
from apps.projects.models.project import seen_by
from apps.projects.states import ManifestState, RunKind, RunOutcome, RunTrigger

FILES_MAX: Final = 20_000
WRITTEN_AT_ONCE: Final = 2_000
REMOVED_AT_ONCE: Final = 500
# After so many new rows the planner should hear of them: else it compares each symbol with each file.
ANALYZED_FROM: Final = 1_000


def of_living_mirrors(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Leave out the runs of deleted projects."""
    return rows.filter(project__deleted_at__isnull=True)


def in_turn(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Narrow queued index runs to those of mirrors that run none: two would write the same rows."""
    running = MirrorRun.objects.filter(
        mirror=OuterRef("mirror"), kind=RunKind.INDEX, status=JobStatus.RUNNING
    )
    return of_living_mirrors(rows).filter(~Exists(running))


@job(
    kind="projects.index_symbols",
    model="projects.MirrorRun",
    queue="low_priority",
    only={"kind": RunKind.INDEX},
    listing=Listing(
        permission="projects.view",
        target_type="projects.project",
        target_path="project_id",
        target_url_name="project-detail",
        narrow=of_living_mirrors,
        visible_to=lambda rows, actor: rows.filter(seen_by(actor, "project__")),
    ),
    claimable=in_turn,
    is_resumable=True,
)
def run_index(run: Run[MirrorRun]) -> None:
    """Read the definitions of the published manifest that are not known yet."""
    row = run.row
    manifest = current_manifest(row.project_id)
    if manifest is None or row.mirror.unlinked_at is not None:
        raise JobCancelled
    files = [file for file in list_files(manifest) if is_indexed(file)][:FILES_MAX]
    fresh = list(unread(row, files))
    written = sum(_read(run, fresh))
    _remove_old(row, files)
    if written >= ANALYZED_FROM:
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE projects_symbol, projects_file")
    with transaction.atomic():
        # Another publication may have come: then the next run says how far the index is.
        if current_manifest(row.project_id) == manifest:
            Mirror.objects.filter(pk=row.mirror_id).update(index_commit=manifest.commit)
        outcome = RunOutcome.CHANGED if written else RunOutcome.UNCHANGED
        run.succeed(outcome=outcome, commit_after=manifest.commit, manifest_version=manifest.number)


def queue_index(project_id: uuid.UUID) -> MirrorRun | None:
    """Queue an index run unless one waits, or what is published is indexed; repeatable."""
    mirror = Mirror.objects.select_related("project").filter(project=project_id).first()
    manifest = current_manifest(project_id)
    if mirror is None or manifest is None or mirror.unlinked_at is not None:
        return None
    is_known = mirror.index_commit == manifest.commit
    waiting = MirrorRun.objects.filter(mirror=mirror, kind=RunKind.INDEX, status=JobStatus.QUEUED)
    if is_known or waiting.exists():
        return None
    row = MirrorRun.objects.create(
        organization_id=mirror.organization_id,
        project_id=project_id,
        mirror=mirror,
        kind=RunKind.INDEX,
        trigger=RunTrigger.SCHEDULE,
        commit_before=mirror.index_commit,
        **run_index.columns(),
    )
    run_index.enqueue(row.pk)
    return row


def current_manifest(project_id: uuid.UUID) -> Manifest | None:
    """Return the published manifest of a project, None if there is none."""
    found: Manifest | None = Manifest.objects.filter(project=project_id, state=ManifestState.CURRENT).first()
    return found


def is_indexed(file: ListedFile) -> bool:
    """Tell whether the definitions of a file can be found."""
    has_parser = file.language == "Python" or find_grammar(file.language) is not None
    return has_parser and not file.unreadable and not file.is_escaped


def unread(row: MirrorRun, files: Sequence[ListedFile]) -> Iterator[ListedFile]:
    """Yield one file of each blob that has no symbols yet."""
    known = set(_symbols(row).values_list("blob", flat=True).distinct())
    for file in files:
        if file.blob_id not in known:
            known.add(file.blob_id)
            yield file


def _read(run: Run[MirrorRun], files: Sequence[ListedFile]) -> Iterator[int]:
    """Read files and write their symbols, some files at once; yield how many symbols."""
    rows: list[Symbol] = []
    done = 0
    sources = read_sources(published_repository(run.row.mirror), files)

    def beat() -> None:
        run.progress(done / max(len(files), 1), stage="indexing")

    found = scan_files(sources, beat=beat)
    for file, (_source, facts) in zip(files, found, strict=False):
        done += 1
        rows += _rows(run.row, file, facts)
        if len(rows) >= WRITTEN_AT_ONCE:
            yield _write(rows)
            rows = []
    yield _write(rows)


def _write(rows: Sequence[Symbol]) -> int:
    # A run whose lease was lost may have written the same blobs: their symbols are the same, too.
    Symbol.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def _rows(row: MirrorRun, file: ListedFile, facts: FileFacts) -> Iterable[Symbol]:
    for ordinal, found in enumerate(facts.definitions):
        yield _symbol(row, file.blob_id, ordinal, found)


def _symbol(row: MirrorRun, blob: str, ordinal: int, found: Definition) -> Symbol:
    return Symbol(
        organization_id=row.organization_id,
        project_id=row.project_id,
        blob=blob,
        ordinal=ordinal,
        name=found.name,
        qualified_name=found.qualified_name,
        kind=found.kind,
        line_start=found.line_start,
        line_end=found.line_end,
        signature=found.signature,
        has_docstring=found.has_docstring,
    )


def _remove_old(row: MirrorRun, files: Sequence[ListedFile]) -> None:
    """Remove the symbols of blobs that the manifest does not list."""
    listed = {file.blob_id for file in files}
    old = [blob for blob in set(_symbols(row).values_list("blob", flat=True)) if blob not in listed]
    for start in range(0, len(old), REMOVED_AT_ONCE):
        _symbols(row).filter(blob__in=old[start : start + REMOVED_AT_ONCE]).delete()


def _symbols(row: MirrorRun) -> QuerySet[Symbol, Any]:
    return Symbol.objects.filter(organization=row.organization_id, project=row.project_id).order_by()
