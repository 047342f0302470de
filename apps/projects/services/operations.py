"""What operators of the installation do: pause mirrors, give them room, destroy leaked secrets."""

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from apps.accounts.permissions import Actor, require
from apps.accounts.services import record_audit
from apps.projects.manifests.verifying import verify_manifest
from apps.projects.models import Credential, Mirror
from apps.projects.services.credentials import destroy_credentials
from apps.projects.services.mirrors import reschedule_mirror
from apps.projects.states import MirrorState

__all__ = ["destroy_credential", "set_paused", "set_quota", "verify_manifest"]


@transaction.atomic
def set_paused(*, actor: Actor, mirror: Mirror, is_paused: bool) -> Mirror:
    """Stop the syncs of a mirror by schedule, or let them go on; a run under way ends as it would."""
    require(actor, "projects.configure")
    mirror = _locked(mirror)
    if (mirror.paused_at is not None) is is_paused:
        return mirror
    mirror.paused_at = timezone.now() if is_paused else None
    mirror.save(update_fields=["paused_at", "updated_at"])
    reschedule_mirror(mirror.project)
    record_audit(
        actor=actor, verb="projects.mirror_paused", target=mirror.project, changes={"paused": is_paused}
    )
    return mirror


@transaction.atomic
def set_quota(*, actor: Actor, mirror: Mirror, quota_bytes: int | None) -> Mirror:
    """Let a mirror become so large, None: as large as the settings say.

    One that was stopped for its size is due again.
    """
    require(actor, "projects.configure")
    mirror = _locked(mirror)
    changes = {"quota_bytes": quota_bytes, "previous": mirror.quota_bytes}
    mirror.quota_bytes = quota_bytes
    if mirror.state == MirrorState.OVER_QUOTA:
        mirror.state = MirrorState.STALE
    mirror.save(update_fields=["quota_bytes", "state", "updated_at"])
    reschedule_mirror(mirror.project)
    record_audit(actor=actor, verb="projects.quota_changed", target=mirror.project, changes=changes)
    return mirror


@transaction.atomic
def destroy_credential(*, actor: Actor, credential: Credential) -> None:
    """Destroy a secret that may have leaked, of an archived project as well."""
    require(actor, "projects.configure")
    destroy_credentials(actor, credential.project, Q(pk=credential.pk))


def _locked(mirror: Mirror) -> Mirror:
    rows = Mirror.objects.select_for_update(of=("self",), no_key=True)
    found: Mirror = rows.select_related("project__organization").get(pk=mirror.pk)
    return found
