"""What the clock finds out about runs: whether files still change, pass the gate, or changed after all."""

from pathlib import Path

import structlog
from django.db import IntegrityError, transaction
from django.db.models import Max

from apps.signals.announcing import announce_run
from apps.signals.artifacts.gate import judge, look_at
from apps.signals.artifacts.listing import COMPLETE, Entry, list_run, scan_sha256
from apps.signals.models import Graph, Run
from apps.signals.states import LOADED_STATES, RUN_MOVES, RunStatus
from apps.signals.storage.gating import record_look, record_verdict
from apps.signals.storage.places import folder_of

# Not yet loaded, and no load at work.
OPEN = RUN_MOVES["gate"] | RUN_MOVES["load"]

logger = structlog.get_logger(__name__)


def gate_graph(graph: Graph) -> None:
    """Look at every run of a graph whose folder is there, at its newest revision."""
    runs = Run.objects.filter(graph=graph).select_related("graph").order_by("run_id", "-revision")
    for run in runs.distinct("run_id"):
        try:
            gate_run(run)
        except OSError as error:
            # Gone, or not ours to read: its rows stay as they are.
            logger.info("signals_run_unreadable", run=str(run.pk), reason=str(error)[:200])


def gate_run(run: Run) -> None:
    """Look at a run's files and write down what they allow; raises OSError if the folder is gone."""
    folder = folder_of(run)
    entries, _findings = list_run(folder)
    scan = scan_sha256(entries)
    if run.status in OPEN:
        _gate_open(run, folder, entries, scan)
    elif run.status in LOADED_STATES | {RunStatus.PRUNED} and scan != run.scan_sha256:
        _take_changes(run, folder, scan)


def _gate_open(run: Run, folder: Path, entries: list[Entry], scan: str) -> None:
    is_new = scan != run.scan_sha256
    if not is_new and (run.status not in RUN_MOVES["gate"] or run.error_code or run.manifest_sha256):
        return  # known, whether it passed or was refused
    if is_new and not any(entry.path == COMPLETE for entry in entries):
        _wait_for_second_scan(run, scan)
        return
    before = run.status
    look = look_at(folder)
    if look.blocking:
        record_look(run, look)
    else:
        record_verdict(run, judge(look))
    if run.status != before:
        announce_run(run)


def _wait_for_second_scan(run: Run, scan: str) -> None:
    """Remember a scan: an equal one the next time says that nobody writes any more."""
    # Conditional, because a load may claim the run at this moment.
    moved = Run.objects.filter(pk=run.pk, status__in=OPEN).update(
        status=RunStatus.WAITING, scan_sha256=scan, manifest_sha256="", error_code="", error_detail=""
    )
    if moved and run.status != RunStatus.WAITING:
        run.refresh_from_db()
        announce_run(run)


def _take_changes(run: Run, folder: Path, scan: str) -> None:
    """Make a revision of a loaded run whose files are others now; equal content only renews the scan."""
    verdict = judge(look_at(folder))
    if verdict.manifest_sha256 == run.manifest_sha256:
        Run.objects.filter(pk=run.pk).update(scan_sha256=scan)
        return
    newest = Run.objects.filter(graph=run.graph_id, run_id=run.run_id).aggregate(Max("revision"))
    try:
        with transaction.atomic():
            revision = Run.objects.create(
                organization_id=run.organization_id,
                graph=run.graph,
                run_id=run.run_id,
                revision=newest["revision__max"] + 1,
                started_at=run.started_at,
                scan_sha256=scan,
            )
            announce_run(revision)
    except IntegrityError:
        return  # another process saw the same
