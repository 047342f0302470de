"""Make a built manifest the current one, and its files those that readers see.

Inside the transaction of the publication: refs, head, manifest and files change together.
"""

from django.db import transaction

from apps.projects.manifests.building import ManifestFailed
from apps.projects.manifests.file_rows import switch_files
from apps.projects.manifests.values import BuiltManifest
from apps.projects.models import Manifest, Project
from apps.projects.states import ManifestState


@transaction.atomic
def publish_manifest(*, project: Project, built: BuiltManifest) -> Manifest:
    """Make the built manifest current; the one before is superseded, file rows that differ are switched.

    The caller holds the mirror's row, so that two publications follow each other. Safe to repeat. Raises
    ManifestFailed if the version was pruned since it was built: then it is to be built again.
    """
    manifests = Manifest.objects.filter(project=project)
    manifests.filter(state=ManifestState.CURRENT).exclude(pk=built.manifest_id).update(
        state=ManifestState.SUPERSEDED
    )
    # From every state: a branch may go back to a commit whose version was superseded or pruned.
    stored = manifests.filter(pk=built.manifest_id).exclude(storage_key="")
    if not stored.update(state=ManifestState.CURRENT, facts=built.facts):
        raise ManifestFailed("The document was dropped before it was published.")
    switch_files(project, built.entries, built.folders)
    published: Manifest = manifests.get(pk=built.manifest_id)
    return published
