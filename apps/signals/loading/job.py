"""The job `signals.load`: the gate, the copy of all files, the one transaction that makes a run loaded."""

import uuid
from collections.abc import Iterable
from typing import Final

from django.db import transaction

from apps.accounts.queries import initiator
from apps.common.db import uuid7
from apps.common.errors import Conflict, Invalid
from apps.common.jobs import LeaseLost, Listing, Transient, job
from apps.common.jobs import Run as JobRun
from apps.common.locks import try_session_lock
from apps.signals.announcing import announce_run
from apps.signals.artifacts.gate import Verdict, judge, look_at
from apps.signals.artifacts.listing import BUNDLE
from apps.signals.artifacts.scanning import Scanned
from apps.signals.errors import GateNotPassed, RunState
from apps.signals.faults import fault
from apps.signals.loading.modeling import plan_drivers
from apps.signals.loading.outcome import Outcome
from apps.signals.loading.plan import Target, plan_files
from apps.signals.loading.pool import load_files
from apps.signals.loading.taxonomy import taxonomy_bundle
from apps.signals.models import Run, RunFile, RunLoad
from apps.signals.raw_schema import BY_NAME
from apps.signals.states import RUN_MOVES, RunStatus
from apps.signals.storage import raw
from apps.signals.storage.gating import record_verdict, replace_findings
from apps.signals.storage.places import folder_of

# Of a load's progress: the gate reads everything once, then the copy; keys and indexes are the rest.
GATE_SHARE: Final = 0.1
COPY_SHARE: Final = 0.75


class LinesRejected(Invalid):
    """More lines cannot be loaded than was allowed."""

    code = "signals.lines_rejected"


class FilesChanged(Conflict):
    """The run's files changed while they were loaded."""

    code = "signals.files_changed"


def initiator_may(row: RunLoad) -> bool:
    """Tell whether whoever started the load still may; the installation itself always may."""
    actor = initiator(row, row.organization)
    return actor is not None and actor.may("signals.run")


@job(
    kind="signals.load",
    model="signals.RunLoad",
    queue="low_priority",
    listing=Listing(
        permission="signals.view",
        target_type="signals.run",
        target_path="run_id",
        target_url_name="signals-run-detail",
    ),
    may_run=initiator_may,
)
def run_load(job_run: JobRun[RunLoad]) -> None:
    """Load the files of a run into the raw tables."""
    # Held by whoever copies: one that was only paused must not go on beside its successor.
    with try_session_lock(f"signals.load:{job_run.row.run_id}") as held:
        if not held:
            raise Transient("Another process still has the run.")
        _Load(job_run).carry_out()


class _Load:
    """One attempt at a load."""

    def __init__(self, job_run: JobRun[RunLoad]) -> None:
        self.job_run = job_run
        self.run: Run = job_run.row.run
        self.folder = folder_of(self.run)
        self.bytes_read = 0
        self.allowances = job_run.row.allowances

    def carry_out(self) -> None:
        verdict = self._pass_gate()
        self._claim()
        fault("load.claimed")
        try:
            raw.make_tables(self.run.pk)
        except raw.RawTablesBusy as error:
            # A process of the attempt before, which is about to notice that its parent died.
            raise Transient(error.detail) from error
        fault("load.tables_made")
        outcome, file_ids = self._copy(verdict)
        self._refuse_rejects(outcome)
        self._finish(outcome)
        fault("load.finished")
        self._commit(outcome, file_ids)
        fault("load.committed")

    def _pass_gate(self) -> Verdict:
        """Judge the run's files as they are now; raises GateNotPassed."""
        try:
            look = look_at(self.folder, accept_validation=bool(self.allowances.get("accept_validation")))
        except OSError as error:
            raise GateNotPassed("The run's folder is gone.") from error
        total = max(look.size_bytes, 1)

        def tell(count: int) -> None:
            self.bytes_read += count
            self.job_run.progress(GATE_SHARE * min(self.bytes_read / total, 1.0), stage="checking")

        verdict = judge(look, tell)
        record_verdict(self.run, verdict)
        announce_run(self.run)
        if not verdict.passes:
            raise GateNotPassed(self.run.error_detail or None)
        return verdict

    def _claim(self) -> None:
        # A run in `loading` is this job's own, from before a kill: one load of a run is live at a time.
        claimable = Run.objects.filter(pk=self.run.pk, status__in=RUN_MOVES["load"] | {RunStatus.LOADING})
        if not claimable.update(status=RunStatus.LOADING, error_code="", error_detail=""):
            self.run.refresh_from_db()
            raise RunState(f"The run is {self.run.status}.", extra={"status": self.run.status})
        self._announce()

    def _announce(self) -> None:
        self.run.refresh_from_db()
        announce_run(self.run)

    def _copy(self, verdict: Verdict) -> tuple[Outcome, dict[str, uuid.UUID]]:
        """Copy every file; return what was found and the id of each file."""
        files: dict[str, Scanned] = {file.path: file for file in verdict.files}
        file_ids = {path: uuid7() for path in files}
        drivers, findings = plan_drivers(self.folder, files, file_ids)
        outcome = Outcome(verdict, findings=findings)
        tasks = [*plan_files(verdict.look.declared, verdict.files, file_ids), *drivers]
        if BUNDLE not in files and (bundle := taxonomy_bundle()) is not None:
            tasks.append(bundle)
        total = max(sum(task.size_bytes for task in tasks), 1)
        self.bytes_read = 0

        def tell(count: int, path: str) -> None:
            self.bytes_read += count
            share = COPY_SHARE * min(self.bytes_read / total, 1.0)
            self.job_run.progress(GATE_SHARE + share, stage=f"copying {path}", bytes_read=self.bytes_read)

        for loaded in load_files(self._target(verdict), tasks, tell):
            outcome.files.append(loaded)
            fault("load.copied")
        if changed := outcome.changed_files():
            raise FilesChanged(f"{len(changed)} files changed, {changed[0]} among them.")
        return outcome, file_ids

    def _target(self, verdict: Verdict) -> Target:
        graph = self.run.graph
        metrics = {node.node_id: node.metric_id for node in verdict.look.declared.nodes}
        return Target(str(self.folder), self.run.pk, graph.name, graph.facility_dimension, metrics)

    def _refuse_rejects(self, outcome: Outcome) -> None:
        allowed = int(self.allowances.get("allow_rejected", 0))
        if outcome.rejected <= allowed:
            return
        with transaction.atomic():
            replace_findings(self.run, outcome.all_findings())
            Run.objects.filter(pk=self.run.pk).update(rejected_count=outcome.rejected)
        raise LinesRejected(f"{outcome.rejected:,} lines were rejected, {allowed:,} are allowed.")

    def _finish(self, outcome: Outcome) -> None:
        """Give the tables keys and indexes, and see that they hold what was copied and nothing else."""
        names = list(outcome.rows)
        for done, name in enumerate(names):
            share = (1.0 - GATE_SHARE - COPY_SHARE) * done / len(names)
            self.job_run.progress(GATE_SHARE + COPY_SHARE + share, stage=f"indexing {name}")
            table = BY_NAME[name]
            raw.finish(table, self.run.pk)
            if name == raw.ENTITIES:
                outcome.duplicates = raw.find_duplicates(self.run.pk)
            raw.analyze(table, self.run.pk)
            fault("load.indexed")
            if raw.count_rows(table, self.run.pk) != outcome.rows[name]:
                raise Transient(f"{name} holds rows of another attempt.")

    def _commit(self, outcome: Outcome, file_ids: dict[str, uuid.UUID]) -> None:
        findings = outcome.all_findings()
        with transaction.atomic():
            raw.attach(self.run.pk, (BY_NAME[name] for name in outcome.rows))
            RunFile.objects.filter(run=self.run).delete()
            RunFile.objects.bulk_create(self._files(outcome, file_ids), batch_size=1_000)
            replace_findings(self.run, findings)
            loading = Run.objects.filter(pk=self.run.pk, status=RunStatus.LOADING)
            if not loading.update(
                status=RunStatus.LOADED,
                data_period=outcome.data_period,
                entity_count=outcome.rows.get(raw.ENTITIES, 0),
                line_count=outcome.lines,
                rejected_count=outcome.rejected,
                warning_count=sum(finding.severity == "warn" for finding in findings),
            ):
                raise LeaseLost
            self._announce()
            fault("load.before_commit")
            self.job_run.succeed(
                rows={name: outcome.rows.get(name, 0) for name in BY_NAME}, bytes_read=self.bytes_read
            )

    def _files(self, outcome: Outcome, file_ids: dict[str, uuid.UUID]) -> Iterable[RunFile]:
        for file in outcome.verdict.files:
            yield self._file(file_ids[file.path], file.path, file.role, file)
        for loaded in outcome.files:
            if loaded.task.folder:
                scanned = Scanned("", "", loaded.size_bytes, loaded.sha256, loaded.lines, True)
                yield self._file(loaded.task.file_id, f"taxonomy:{loaded.task.path}", "taxonomy", scanned)

    def _file(self, file_id: uuid.UUID, path: str, role: str, file: Scanned) -> RunFile:
        return RunFile(
            id=file_id,
            organization_id=self.run.organization_id,
            run=self.run,
            path=path,
            role=role,
            bytes=file.size_bytes,
            sha256=file.sha256,
            lines=file.lines,
        )
