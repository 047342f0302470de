"""What people do with the mirror of a project: link and unlink a repository, sync, clone it anew."""

import uuid
from typing import Final

from django.db import transaction
from django.db.models.functions import Now

from apps.accounts.permissions import Actor
from apps.accounts.services import record_audit
from apps.common.errors import FieldError, Invalid
from apps.common.throttles import take
from apps.projects.errors import NotLinked
from apps.projects.git.addresses import Remote, parse_remote
from apps.projects.git.processes import find_git
from apps.projects.mirroring.queueing import end_live_runs, kind_for, live_run, queue_run
from apps.projects.mirroring.scheduling import reschedule
from apps.projects.models import Credential, Mirror, MirrorRun, Project
from apps.projects.rights import MANAGERS, Right, require_right
from apps.projects.services.credentials import drop_other_hosts
from apps.projects.services.guards import lock_project
from apps.projects.states import MirrorState, RunKind, RunTrigger

LINK_SCOPE: Final = "repository_link"


class CredentialHostMismatch(Invalid):
    """The credential is for another host or port than the address."""

    code = "projects.credential_host_mismatch"


@transaction.atomic
def link_repo(
    *,
    actor: Actor,
    project: Project,
    url: str,
    tracked_ref: str | None = None,
    credential_id: uuid.UUID | None = None,
    sync_mode: str | None = None,
) -> MirrorRun:
    """Let a project mirror a repository, or another one than before; return the queued run.

    Raises RepoUrlInvalid, OutboundBlocked, CredentialHostMismatch, Invalid for an unknown credential,
    GitMissing, RateLimited. What was published stays readable until the new copy is ready.
    """
    require_right(actor, project, Right.OWN, "projects.link")
    find_git()
    remote = parse_remote(url)
    # Locked, so that two links at once follow each other.
    project = lock_project(project)
    credential = _credential_of(project, credential_id, remote)
    _count_link(actor, project)
    project.tracked_ref = tracked_ref or None
    project.sync_mode = sync_mode or project.sync_mode
    project.version += 1
    project.save(update_fields=["tracked_ref", "sync_mode", "version", "updated_at"])
    mirror = _link(project, remote, credential)
    # A secret for another host is of no use any more.
    drop_other_hosts(actor=actor, project=project, host=remote.host, port=remote.port)
    run, _ = queue_run(mirror, kind_for(mirror), trigger=_trigger_of(actor), initiates=actor.initiates())
    changes = {"url": remote.url, "tracked_ref": project.tracked_ref}
    record_audit(actor=actor, verb="projects.repository_linked", target=project, changes=changes)
    return run


def _link(project: Project, remote: Remote, credential: Credential | None) -> Mirror:
    """Point the project's mirror to a remote; a run under way for another one publishes nothing any more."""
    mirror = Mirror.objects.select_for_update().filter(project=project).first()
    if mirror is None:
        mirror = Mirror(organization_id=project.organization_id, project=project)
    else:
        end_live_runs(mirror)
    mirror.project = project
    mirror.url, mirror.host, mirror.port = remote.url, remote.host, remote.port
    mirror.credential = credential
    mirror.fence += 1
    # Without a digest the next run takes everything anew, and asks nothing of the old repository.
    mirror.refs_digest = b""
    mirror.failures = 0
    mirror.error_code = mirror.error_detail = mirror.error_cause = ""
    mirror.unlinked_at = None
    mirror.last_changed_at = None
    mirror.state = MirrorState.CLONING if mirror.generation == 0 else MirrorState.RECLONING
    mirror.save()
    reschedule(mirror)
    return Mirror.objects.get(pk=mirror.pk)


def _credential_of(project: Project, credential_id: uuid.UUID | None, remote: Remote) -> Credential | None:
    if credential_id is None:
        return None
    credential: Credential | None = Credential.objects.filter(project=project, pk=credential_id).first()
    if credential is None:
        detail = "The project has no such credential."
        raise Invalid(errors=[FieldError(detail, code="unknown", pointer="/credential_id")])
    if (credential.host, credential.port) != (remote.host, remote.port):
        raise CredentialHostMismatch
    return credential


@transaction.atomic
def unlink_repo(*, actor: Actor, project: Project) -> None:
    """Let a project mirror nothing any more; raises NotLinked.

    Its files are gone at once, its manifests stay, its folder goes after a week.
    """
    require_right(actor, project, Right.OWN, "projects.link")
    mirror = _linked(project)
    end_live_runs(mirror)
    Mirror.objects.filter(pk=mirror.pk).update(
        fence=mirror.fence + 1, unlinked_at=Now(), credential=None, next_due_at=None, due_reason=""
    )
    record_audit(actor=actor, verb="projects.repository_unlinked", target=project)


def start_sync(
    *, actor: Actor, project: Project, is_override: bool = False, trigger: RunTrigger | None = None
) -> tuple[MirrorRun, bool]:
    """Queue a sync, or join one that is live; return the run and whether it was joined.

    Raises NotLinked, GitMissing, RateLimited.
    """
    require_right(actor, project, Right.OWN if is_override else Right.EDIT, "projects.sync")
    find_git()
    joined = live_run(_linked(project, is_locked=False))
    if joined is not None:
        return joined, True
    _count_sync(actor, project)
    with transaction.atomic():
        mirror = _linked(project)
        run, was_live = queue_run(
            mirror,
            kind_for(mirror),
            trigger=trigger or _trigger_of(actor),
            initiates=actor.initiates(),
            is_override=is_override,
        )
        if not was_live:
            record_audit(actor=actor, verb="projects.sync_started", target=project)
    return run, was_live


@transaction.atomic
def start_reclone(*, actor: Actor, project: Project) -> tuple[MirrorRun, bool]:
    """Queue a new clone of the linked repository; return the run and whether a live one was joined.

    What is published serves until the new copy is ready. Raises NotLinked, GitMissing, RateLimited.
    """
    require_right(actor, project, Right.OWN, "projects.link")
    find_git()
    mirror = _linked(project)
    joined = live_run(mirror)
    if joined is not None:
        return joined, True
    _count_link(actor, project)
    kind = RunKind.RECLONE if mirror.generation else RunKind.CLONE
    record_audit(actor=actor, verb="projects.reclone_started", target=project)
    return queue_run(mirror, kind, trigger=_trigger_of(actor), initiates=actor.initiates())


def start_rebuild(*, actor: Actor | None, project: Project) -> tuple[MirrorRun, bool] | None:
    """Queue a manifest run of what is published; None as long as nothing is.

    The caller has asked for the right. A live run is joined: it reads the project's settings at its claim or
    later, or else the next sync does.
    """
    mirror = Mirror.objects.filter(project=project, unlinked_at__isnull=True, generation__gt=0).first()
    if mirror is None or mirror.snapshot == 0:
        return None
    initiates = actor.initiates() if actor is not None else None
    trigger = _trigger_of(actor) if actor is not None else RunTrigger.SCHEDULE
    return queue_run(mirror, RunKind.MANIFEST, trigger=trigger, initiates=initiates)


def reschedule_mirror(project: Project) -> None:
    """Plan the project's mirror anew after its sync mode, archive or pause changed."""
    mirror = Mirror.objects.select_related("project__organization").filter(project=project).first()
    if mirror is not None:
        reschedule(mirror)


def stop_mirror(project: Project) -> None:
    """Stop the project's run under way, within the caller's transaction: nothing of it is published."""
    mirror = Mirror.objects.select_for_update().filter(project=project).first()
    if mirror is not None:
        end_live_runs(mirror)
        Mirror.objects.filter(pk=mirror.pk).update(fence=mirror.fence + 1, next_due_at=None)


def _linked(project: Project, *, is_locked: bool = True) -> Mirror:
    rows = Mirror.objects.filter(project=project, unlinked_at__isnull=True)
    mirror: Mirror | None = (rows.select_for_update() if is_locked else rows).first()
    if mirror is None:
        raise NotLinked
    return mirror


def _trigger_of(actor: Actor) -> RunTrigger:
    return RunTrigger.USER if actor.person is not None else RunTrigger.COMMAND


def _count_link(actor: Actor, project: Project) -> None:
    """Count links and reclones of a project; the installation itself is not counted."""
    if actor.person is not None:
        take(LINK_SCOPE, {"project": str(project.pk)})


def _count_sync(actor: Actor, project: Project) -> None:
    """Count syncs of a project; managers have more of them."""
    if actor.person is not None:
        column = "managed_project" if actor.role in MANAGERS else "project"
        take("sync", {column: str(project.pk)})
