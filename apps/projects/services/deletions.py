"""The end of projects: hidden at once, restored by operators for a week, then purged for good.

A purge takes the mirror's folder first, then what lies in the storage, then the rows: killed in between, it
finds the rows again and goes on.
"""

import datetime as dt
import shutil
import uuid
from collections.abc import Iterator
from itertools import chain
from typing import Final

import structlog
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import ProtectedError, Q, QuerySet, RestrictedError
from django.utils import timezone

from apps.accounts.permissions import Actor
from apps.accounts.services import record_audit
from apps.common import live
from apps.common.errors import Conflict, FieldError, Invalid
from apps.common.keeping import KeepingRule
from apps.projects.git.layout import mirror_folder
from apps.projects.models import (
    Application,
    CodeJob,
    File,
    Manifest,
    Mirror,
    Project,
    Proposal,
    ProposalFile,
    Ref,
    Symbol,
)
from apps.projects.services.credentials import destroy_credentials
from apps.projects.services.guards import lock_project, require_own
from apps.projects.services.mirrors import reschedule_mirror, stop_mirror
from apps.projects.services.projects import unless_taken
from apps.projects.services.work import cancel_work, is_worked_on

RESTORABLE_FOR: Final = dt.timedelta(days=7)
# Large tables, of which no other row depends.
CONTENT: Final = (File, Symbol, Ref)

logger = structlog.get_logger(__name__)


class StillAtWork(Conflict):
    """A job of the project is still running."""

    code = "projects.still_at_work"


class StillReferred(Conflict):
    """Something outside of projects still refers to the project."""

    code = "projects.still_referred"


class NotRestorable(Conflict):
    """The project cannot be restored any more."""

    code = "projects.not_restorable"


@transaction.atomic
def delete_project(*, actor: Actor, project: Project, confirm: str) -> Project:
    """Hide a project at once and destroy its credentials; `confirm` is its name. Raises Invalid.

    Its name is free again. What runs for it is cancelled, and publishes nothing any more.
    """
    project = lock_project(project)
    require_own(actor, project, "projects.delete")
    if confirm != project.name:
        wrong = FieldError("Write the project's name to confirm.", code="mismatch", parameter="confirm")
        raise Invalid(errors=[wrong])
    project.deleted_at = timezone.now()
    project.save(update_fields=["deleted_at", "updated_at"])
    # A worker that is paused at this moment finds another fence, and its writes match nothing.
    stop_mirror(project)
    cancel_work(project)
    destroy_credentials(actor, project, Q())
    record_audit(actor=actor, verb="projects.deleted", target=project)
    live.revoke(organization_id=project.organization_id)
    return project


@transaction.atomic
def restore_project(*, actor: Actor, project: Project) -> Project:
    """Bring a deleted project back, without its credentials; for operators.

    Raises NotRestorable after a week, NameTaken if another project is called so by now.
    """
    project = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    if project.deleted_at is None:
        raise NotRestorable("The project is not deleted.")
    if project.deleted_at < timezone.now() - RESTORABLE_FOR:
        raise NotRestorable
    project.deleted_at = None
    unless_taken(lambda: project.save(update_fields=["deleted_at", "updated_at"]))
    reschedule_mirror(project)
    record_audit(actor=actor, verb="projects.restored", target=project)
    return project


def past_projects(now: dt.datetime) -> QuerySet[Project]:
    """Return the projects that nobody can restore any more."""
    return Project.objects.filter(deleted_at__lt=now - RESTORABLE_FOR)


def purge_projects(now: dt.datetime) -> int:
    """Remove what cannot be restored any more; return how many. The next night tries again what stays."""
    purged = 0
    for project in past_projects(now).order_by("deleted_at", "pk"):
        try:
            purge_project(project)
            purged += 1
        except (StillAtWork, StillReferred) as error:
            logger.info("project_not_purged", project_id=str(project.pk), code=error.code)
        except OSError:
            logger.exception("project_not_purged", project_id=str(project.pk))
    return purged


def purge_organization(organization_id: uuid.UUID) -> None:
    """Remove what an organization's projects have; raises StillAtWork. The rest goes with its row."""
    for project in Project.objects.filter(organization=organization_id):
        cancel_work(project)
        _remove_files(project)
        _delete_parts(project)


def purge_project(project: Project) -> None:
    """Remove a project with all it has, for good; raises StillAtWork, StillReferred."""
    _remove_files(project)
    try:
        with transaction.atomic():
            _delete_parts(project)
            project.delete()
    except (RestrictedError, ProtectedError) as error:
        raise StillReferred from error


def _remove_files(project: Project) -> None:
    """Remove the folder of its mirror and what it has in the storage; raises StillAtWork."""
    if is_worked_on(project):
        raise StillAtWork
    for mirror_id in Mirror.objects.filter(project=project).values_list("pk", flat=True):
        # What git had left unfinished goes along; a folder that is gone already is fine.
        shutil.rmtree(mirror_folder(mirror_id), ignore_errors=False, onerror=_unless_gone)
    for name in _stored(project):
        default_storage.delete(name)


@transaction.atomic
def _delete_parts(project: Project) -> None:
    """Delete jobs, which protect their manifests, and large tables, by one statement each."""
    ProposalFile.objects.filter(proposal__in=Proposal.objects.filter(project=project)).delete()
    for model in (Application, Proposal, CodeJob, *CONTENT):
        model.objects.filter(project=project).delete()


def _stored(project: Project) -> Iterator[str]:
    """Yield the names of what the project has in the storage."""
    tables = (Manifest, CodeJob, Application)
    names = (
        model.objects.filter(project=project).exclude(storage_key="").values_list("storage_key", flat=True)
        for model in tables
    )
    return chain.from_iterable(names)


def _unless_gone(
    _function: object, _path: str, found: tuple[type[BaseException], BaseException, object]
) -> None:
    if not isinstance(found[1], FileNotFoundError):
        raise found[1]


RULE: Final = KeepingRule(
    "projects.deleted", count=lambda now: past_projects(now).count(), drop=purge_projects
)
