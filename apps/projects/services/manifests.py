"""What people do with manifests: have one built anew."""

from apps.accounts.permissions import Actor
from apps.accounts.services import record_audit
from apps.projects.errors import NotLinked
from apps.projects.models import MirrorRun, Project
from apps.projects.services.guards import require_edit
from apps.projects.services.mirrors import start_rebuild


def rebuild_manifest(*, actor: Actor, project: Project) -> tuple[MirrorRun, bool]:
    """Queue a run that builds the manifest of the published head anew; return it and whether it was joined.

    Equal bytes give the same version. Raises NotLinked where nothing was ever published.
    """
    require_edit(actor, project, "projects.sync")
    queued = start_rebuild(actor=actor, project=project)
    if queued is None:
        raise NotLinked
    record_audit(actor=actor, verb="projects.manifest_rebuild_started", target=project)
    return queued
