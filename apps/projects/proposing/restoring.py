"""Applied commits that a repository lacks are made again from their stored patches, with the same ids."""

import structlog

from apps.common.errors import DomainError
from apps.projects.errors import NotLinked
from apps.projects.git.layout import published_repository
from apps.projects.git.processes import run_git
from apps.projects.models import Application, Mirror, Project
from apps.projects.proposing.applying import planned_commit
from apps.projects.proposing.committing import APPLIED, create_ref, write_commit

logger = structlog.get_logger(__name__)


def restore_applied(project: Project) -> int:
    """Make the refs of applied proposals that the published repository lacks; return how many it lacked.

    One whose base is gone upstream cannot be made any more: it is logged, and tried the next time.
    """
    applied = Application.objects.filter(project=project).exclude(commit="")
    if not applied.exists():
        return 0
    try:
        mirror = Mirror.objects.get(project=project)
        listed = run_git(published_repository(mirror), "for-each-ref", "--format=%(refname)", APPLIED)
    except (Mirror.DoesNotExist, NotLinked):
        return 0
    there = set(listed.decode().splitlines())
    missing = [row for row in applied.select_related("proposal") if _ref(row) not in there]
    return sum(_restore(mirror, row) for row in missing)


def _ref(row: Application) -> str:
    return f"{APPLIED}{row.proposal_id}"


def _restore(mirror: Mirror, row: Application) -> bool:
    repository = published_repository(mirror)
    try:
        planned = planned_commit(row)
        create_ref(repository, planned, write_commit(repository, planned))
    except (DomainError, OSError) as error:
        # Its class alone: what the system says may name the mirror's folder.
        cause = type(error).__name__
        logger.warning("applied_commit_not_restored", proposal_id=str(row.proposal_id), cause=cause)
        return False
    return True
