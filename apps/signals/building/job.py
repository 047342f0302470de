"""The job `signals.build`: dbt turns the raw rows of some runs into marts."""

from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction

from apps.accounts.queries import initiator
from apps.common import jobs
from apps.common.db import JobStatus
from apps.common.errors import Conflict, Unavailable
from apps.common.jobs import Listing, job
from apps.common.jobs.lifecycle import postpone
from apps.signals.building.artifacts import Artifacts, ArtifactsMissing, read_artifacts
from apps.signals.building.claiming import busy_runs, claim_runs, fail_runs, move_runs
from apps.signals.building.direct import dbt_environment
from apps.signals.building.events import Step
from apps.signals.building.locking import BuildLock, build_lock
from apps.signals.building.project import Workplace, build_arguments, dbt_command, workplace
from apps.signals.building.recording import record_models, record_results, replace_findings
from apps.signals.building.running import Ended, call
from apps.signals.errors import RunState
from apps.signals.faults import fault
from apps.signals.models import DbtBuild, Run
from apps.signals.states import RunStatus
from apps.signals.storage.dbt_files import store_artifacts
from apps.signals.storage.leftovers import drop_leftovers

AGAIN: Final = timedelta(seconds=5)
DONE: Final = 0
SOME_FAILED: Final = 1
# A node that starts is half of what there is to tell: the rest is the record.
DBT_SHARE: Final = 0.98


class DbtFailed(Conflict):
    """A model or a test of the dbt project failed."""

    code = "signals.dbt_failed"


class DbtCrashed(Unavailable):
    """dbt ended without doing its work."""

    code = "signals.dbt_crashed"


class DbtTimedOut(Unavailable):
    """dbt took longer than SIGNALS_DBT_TIMEOUT_S."""

    code = "signals.dbt_timed_out"


def initiator_may(row: DbtBuild) -> bool:
    """Tell whether whoever started the build still may; the installation itself always may."""
    actor = initiator(row, row.organization)
    needed = ["signals.run", "signals.configure"] if row.full_refresh else ["signals.run"]
    return actor is not None and all(actor.may(permission) for permission in needed)


@job(
    kind="signals.build",
    model="signals.DbtBuild",
    queue="training",
    attempts=5,
    listing=Listing(
        permission="signals.view",
        target_type="signals.run",
        target_path="run_ids__0",
        target_url_name="signals-run-detail",
    ),
    may_run=initiator_may,
)
def run_build(run: jobs.Run[DbtBuild]) -> None:
    """Build the runs of a row, one build at a time for the schema prefix; else it is queued again."""
    with build_lock(run.row.schema) as lock:
        if lock is None or busy_runs(run.row):
            postpone(run.kind, run.row, AGAIN, is_counted=False)
            return
        _Build(run, lock).carry_out()


@run_build.on_end
def settle(row: DbtBuild) -> None:
    """Let no run stay in building after a build that did not succeed; let the next build start."""
    if row.status != JobStatus.SUCCEEDED:
        fail_runs(row.run_ids, error_code=row.error_code or "job.cancelled", error_detail=row.error_detail)
    waiting = DbtBuild.objects.filter(schema=row.schema, status=JobStatus.QUEUED)
    following = waiting.order_by("queued_at", "pk").first()
    if following is not None:
        run_build.nudge(following.pk, following.queue)


class _Build:
    """One attempt at a build, under the lock."""

    def __init__(self, run: jobs.Run[DbtBuild], lock: BuildLock) -> None:
        self.run = run
        self.lock = lock
        self.row = run.row
        self.place = workplace(run.row.schema)
        self.step: Step | None = None
        # A build of some models alone leaves the runs as they are: their marts may be old or not there.
        self.is_whole = not run.row.select

    def carry_out(self) -> None:
        command = dbt_command()
        runs = self._claim()
        fault("build.claimed")
        self.lock.end_orphans()
        drop_leftovers(self.row.schema)
        ended, artifacts = self._transform(command)
        fault("build.transformed")
        self.lock.check()
        if ended.exit_code == DONE:
            self._record(runs, ended, artifacts)
            fault("build.recorded")
            return
        self._record_failure(runs, ended, artifacts)
        names = ", ".join(result.name for result in artifacts.failed[:5])
        raise DbtFailed(f"{len(artifacts.failed)} nodes failed: {names}.")

    def _claim(self) -> list[Run]:
        if not self.is_whole:
            return list(Run.objects.filter(pk__in=self.row.run_ids).in_run_order())
        runs = claim_runs(self.row)
        if not runs:
            raise RunState("None of the runs can be built any more.")
        return runs

    def _transform(self, command: list[str]) -> tuple[Ended, Artifacts]:
        """Call dbt, once more without the kept parse file if it crashes; raises DbtCrashed, DbtTimedOut."""
        try:
            return self._call_dbt(command, with_kept_parse=True)
        except DbtCrashed:
            if not self.place.kept_parse.exists():
                raise
            return self._call_dbt(command, with_kept_parse=False)

    def _call_dbt(self, command: list[str], *, with_kept_parse: bool) -> tuple[Ended, Artifacts]:
        self.place.clear()
        arguments = build_arguments(
            self.place,
            run_ids=self.row.run_ids,
            select=self.row.select,
            full_refresh=self.row.full_refresh,
            with_kept_parse=with_kept_parse,
        )
        self._tell("dbt starts", 0.0)
        ended = call(
            [*command, *arguments],
            environment=dbt_environment(self.row.schema),
            folder=self.place.folder,
            timeout_s=settings.SIGNALS_DBT_TIMEOUT_S,
            on_step=self._follow,
        )
        self.run.write(exit_code=ended.exit_code, log_tail=ended.tail)
        return ended, _judged(ended, self.place)

    def _follow(self, step: Step | None) -> None:
        if step is None:
            self._tell(self.row.stage, self.row.progress)
            return
        self._tell(step.stage, DBT_SHARE * step.fraction)
        fault("build.step")

    def _tell(self, stage: str, fraction: float) -> None:
        self.run.progress(fraction, stage=stage)

    def _record(self, runs: list[Run], ended: Ended, artifacts: Artifacts) -> None:
        store_artifacts(self.row.organization_id, self.row.pk, artifacts.files)
        with transaction.atomic():
            self._write_down(runs, artifacts, with_marts=self.is_whole)
            record_models(self.row, artifacts)
            if self.is_whole:
                move_runs([run.pk for run in runs], RunStatus.BUILT)
            self.run.succeed(**_columns(ended, artifacts))
        self.place.keep_parse()

    def _record_failure(self, runs: list[Run], ended: Ended, artifacts: Artifacts) -> None:
        """Write down which nodes failed; the job's own end says so of the runs."""
        with transaction.atomic():
            self._write_down(runs, artifacts, with_marts=False)
            self.run.write(**_columns(ended, artifacts))

    def _write_down(self, runs: list[Run], artifacts: Artifacts, *, with_marts: bool) -> None:
        record_results(self.row, artifacts)
        if self.is_whole:
            replace_findings(runs, artifacts, with_marts=with_marts)


def _judged(ended: Ended, place: Workplace) -> Artifacts:
    """Return the artifacts of a call that did its work, well or not; raises DbtCrashed, DbtTimedOut."""
    if ended.timed_out:
        raise DbtTimedOut(f"dbt was stopped after {settings.SIGNALS_DBT_TIMEOUT_S:,} s.")
    last = next((line for line in reversed(ended.tail.splitlines()) if line.strip()), "")
    if ended.exit_code not in {DONE, SOME_FAILED}:
        raise DbtCrashed(f"dbt ended with {ended.exit_code}: {last}")
    try:
        artifacts = read_artifacts(place.target)
    except ArtifactsMissing as error:
        raise DbtCrashed(f"dbt left no results: {last}") from error
    if not artifacts.results:
        raise DbtCrashed("dbt found nothing to do.")
    return artifacts


def _columns(ended: Ended, artifacts: Artifacts) -> dict[str, Any]:
    return {
        "exit_code": ended.exit_code,
        "dbt_version": artifacts.dbt_version,
        "manifest_sha256": artifacts.manifest_sha256,
        "node_count": len(artifacts.results),
        "log_tail": ended.tail,
    }
