"""Code jobs that people ask for."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.db import IntegrityError, transaction

from apps.accounts.permissions import Actor
from apps.accounts.services import record_audit
from apps.common.errors import FieldError, Invalid
from apps.common.logs import current_request_id
from apps.projects.documenting.asking import may_leave, pack_parcel
from apps.projects.documenting.outgoing import Parcel
from apps.projects.documenting.sources import list_files
from apps.projects.documenting.structural import Material
from apps.projects.documenting.wishes import Wish, digest_of
from apps.projects.errors import ExternalAiOff, NotLinked
from apps.projects.git.layout import published_repository
from apps.projects.models import CodeJob, File, Manifest, Project
from apps.projects.models.mirror import LIVE
from apps.projects.rights import Right, require_right
from apps.projects.states import CodeJobType, Engine, ManifestState
from apps.projects.tasks import run_code_job


class TargetNotInManifest(Invalid):
    """The project's manifest lists no such file."""

    code = "projects.target_not_in_manifest"


@dataclass(frozen=True, slots=True)
class Started:
    """A job, and whether it is new: an equal one may have been queued or running."""

    job: CodeJob
    is_new: bool


@dataclass(frozen=True, slots=True)
class Order:
    """A checked request: what, with which engine, from which editor."""

    type: CodeJobType
    wish: Wish
    engine: Engine = Engine.AUTO
    client: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What would go out; `is_sent` tells whether it may, as things stand."""

    is_sent: bool
    parcel: Parcel


@transaction.atomic
def start_code_job(*, actor: Actor, project: Project, order: Order) -> Started:
    """Queue a code job, or return the queued or running one that is equal.

    Raises ProjectArchived, NotLinked, ExternalAiOff, TargetNotInManifest and Invalid.
    """
    manifest = check_order(actor, project, order)
    digest = digest_of(order.type, order.engine, asdict(order.wish), str(manifest.pk))
    live = CodeJob.objects.filter(LIVE, project=project, input_digest=digest)
    found = live.first()
    if found is not None:
        return Started(found, is_new=False)
    row = CodeJob(
        organization=project.organization,
        project=project,
        manifest=manifest,
        type=order.type,
        engine=order.engine,
        request=order.wish.as_request(order.client),
        input_digest=digest,
        commit=manifest.commit,
        request_id=current_request_id(),
        **actor.initiates(),
        **run_code_job.columns(),
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        # Two equal requests at once: the constraint let one through.
        return Started(live.get(), is_new=False)
    if may_leave(project, order.engine):
        record_audit(
            actor=actor, verb="projects.external_job_started", target=row, changes={"type": order.type}
        )
    run_code_job.enqueue(row.pk)
    return Started(row, is_new=True)


def rehearse_code_job(*, actor: Actor, project: Project, order: Order) -> Rehearsal:
    """Return what a job would send to a language model; nobody is called, and nothing is kept.

    Raises what `start_code_job` does, ManifestGone, GitFailed and GitMissing.
    """
    manifest = check_order(actor, project, order)
    material = Material(
        repository=published_repository(project.mirror),
        files=list_files(manifest),
        type=order.type,
        wish=order.wish,
    )
    return Rehearsal(is_sent=may_leave(project, order.engine), parcel=pack_parcel(material, project))


def check_order(actor: Actor, project: Project, order: Order) -> Manifest:
    """Return the published manifest that a job would read; raises what `start_code_job` does."""
    require_right(actor, project, Right.EDIT, "projects.run")
    if order.engine == Engine.EXTERNAL and not project.option("external_ai"):
        raise ExternalAiOff
    published = Manifest.objects.filter(project=project, state=ManifestState.CURRENT)
    manifest: Manifest | None = published.first()
    if manifest is None:
        raise NotLinked("Nothing of the project's repository is published yet.")
    check_targets(project, order.wish)
    if order.type == CodeJobType.EXPLANATION and not (order.wish.selection or order.wish.anchors):
        detail = "An explanation needs a selection or an anchor."
        raise Invalid(errors=[FieldError(detail, code="required", pointer="/selection")])
    return manifest


def check_targets(project: Project, wish: Wish) -> None:
    """Raise TargetNotInManifest if the published manifest lacks a path that is named; at most one query.

    Anchors may be of an older version: the job finds them again, or says that they are lost.
    """
    named = {*wish.paths, *([wish.selection.path] if wish.selection else [])}
    hashes = {hashlib.sha256(path.encode()).digest(): path for path in named}
    if not hashes:
        return
    listed = File.objects.filter(
        organization=project.organization_id, project=project, path_hash__in=list(hashes)
    )
    found = {bytes(value) for value in listed.exclude(kind="dir").values_list("path_hash", flat=True)}
    missing = sorted(path for value, path in hashes.items() if value not in found)
    if missing:
        raise TargetNotInManifest(
            errors=[
                FieldError(f"There is no {path}.", code="not_in_manifest", pointer="/targets")
                for path in missing
            ]
        )
