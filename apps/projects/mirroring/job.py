"""The job `projects.sync`: when it may start, what it does, how its body's errors end it."""

from typing import Any, NoReturn

from billiard.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db.models import QuerySet

from apps.accounts.queries import initiator
from apps.common.errors import DomainError
from apps.common.jobs import LeaseLost, Listing, Run, Transient, job
from apps.projects.git.failures import GitStopped, GitTooSlow
from apps.projects.mirroring.attempt import NEW_GENERATION, Attempt, claim
from apps.projects.mirroring.settling import end_failed
from apps.projects.mirroring.syncing import LOW_PRIORITY, carry_out, slow_columns, wall_of
from apps.projects.models import MirrorRun
from apps.projects.models.mirror import WRITING_KINDS
from apps.projects.models.project import seen_by
from apps.projects.rights import Right, right_of

ATTEMPTS = 3


def of_living_projects(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Leave out the runs of deleted projects."""
    return rows.filter(project__deleted_at__isnull=True)


def of_seen_projects(rows: QuerySet[Any], actor: Any) -> QuerySet[Any]:
    """Leave out the runs of projects that the actor does not see."""
    return rows.filter(seen_by(actor, "project__"))


LISTING = Listing(
    permission="projects.view",
    target_type="projects.project",
    target_path="project_id",
    target_url_name="project-detail",
    narrow=of_living_projects,
    visible_to=of_seen_projects,
)


def initiator_may(row: MirrorRun) -> bool:
    """Tell whether whoever started the run still may; the installation itself always may."""
    actor = initiator(row, row.organization)
    if actor is None or not actor.may("projects.sync", row.project):
        return False
    return row.created_by is None or right_of(actor, row.project) >= Right.EDIT


@job(
    kind="projects.sync",
    model="projects.MirrorRun",
    only={"kind__in": [kind.value for kind in WRITING_KINDS]},
    listing=LISTING,
    attempts=ATTEMPTS,
    claimable=of_living_projects,
    may_run=initiator_may,
)
def run_sync(run: Run[MirrorRun]) -> None:
    """Bring a mirror in step with its remote, or rebuild its manifest."""
    attempt = claim(run)
    wall_s = wall_of(run.row.queue, settings.PROJECTS_SYNC_TIMEOUT_S)
    try:
        carry_out(attempt, wall_s=wall_s)
    except (Transient, LeaseLost):
        raise
    except DomainError as error:
        _end(attempt, error)
    except SoftTimeLimitExceeded as error:
        # All has arrived, perhaps, and there was no time left for its manifest.
        if not _may_take_longer(attempt):
            raise
        _take_longer(attempt, error)


def _may_take_longer(attempt: Attempt) -> bool:
    return attempt.kind in NEW_GENERATION and attempt.row.queue != LOW_PRIORITY


def _take_longer(attempt: Attempt, error: Exception) -> NoReturn:
    """Have the job try again where it has more time; raises Transient."""
    attempt.run.write(**slow_columns())
    raise Transient("The repository takes longer than it may.") from error


def _end(attempt: Attempt, error: DomainError) -> None:
    """Have the job try again what may pass, else end it; raises Transient, LeaseLost."""
    row = attempt.row
    if isinstance(error, GitTooSlow) and _may_take_longer(attempt):
        _take_longer(attempt, error)
    if isinstance(error, GitStopped) and row.attempt < row.max_attempts:
        raise Transient(error.detail) from error
    end_failed(attempt, error)
