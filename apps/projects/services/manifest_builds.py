"""Building a manifest here and now, for operators."""

from dataclasses import dataclass
from enum import StrEnum

from django.db import transaction

from apps.common.errors import NotFound
from apps.projects.git.layout import published_repository
from apps.projects.manifests.building import Written, build_manifest, same_version, write_manifest
from apps.projects.manifests.publishing import publish_manifest
from apps.projects.manifests.storing import read_document
from apps.projects.models import Manifest, Mirror, Project
from apps.projects.reading.refs import published_mirror, resolve
from apps.projects.states import ManifestState


class Verdict(StrEnum):
    """What became of a build."""

    PUBLISHED = "published"
    WRITTEN = "written"
    SAME = "same"
    DIFFERS = "differs"
    NOT_STORED = "not_stored"


@dataclass(frozen=True, slots=True)
class ManifestBuild:
    """A document that was built, and what became of it; `version` is None where none is stored of it."""

    verdict: Verdict
    version: int | None
    commit: str
    files: int
    digest: bytes
    content: bytes

    @property
    def is_wrong(self) -> bool:
        """Tell whether the stored bytes are not these."""
        return self.verdict is Verdict.DIFFERS


def build_now(*, project: Project, ref: str = "", is_check: bool = False) -> ManifestBuild:
    """Build the manifest of a ref, all of it read from git.

    That of the published head is published, too, unless the build is a check: then it is held against the
    stored bytes. Of other refs nothing is stored. Raises NotFound, NotLinked, GitFailed, ManifestFailed.
    """
    mirror, at = published_mirror(project), resolve(project, ref)
    repository = published_repository(mirror)
    is_head = at.commit == mirror.head_commit and at.name in {mirror.head_ref, mirror.head_commit}
    name = mirror.head_ref if is_head else at.name
    written = write_manifest(
        project=project, repository=repository, commit=at.commit, ref=name, is_fresh=True
    )
    if is_check:
        return _checked(project, written)
    if not is_head:
        return _said(Verdict.WRITTEN, written, None)
    built = build_manifest(project=project, repository=repository, commit=at.commit, ref=name)
    with transaction.atomic():
        # Locked, so that no sync publishes another commit between the look and the switch.
        held = Mirror.objects.select_for_update(of=("self",)).get(pk=mirror.pk)
        if held.head_commit != at.commit or held.generation != mirror.generation:
            return _said(Verdict.WRITTEN, written, None)
        manifest = publish_manifest(project=project, built=built)
    return _said(Verdict.PUBLISHED, written, manifest)


def _checked(project: Project, written: Written) -> ManifestBuild:
    manifest = same_version(project, written.source)
    if manifest is None or manifest.state in {ManifestState.BUILDING, ManifestState.PRUNED}:
        return _said(Verdict.NOT_STORED, written, None)
    try:
        is_same = read_document(manifest) == written.document.content
    except NotFound:
        is_same = False
    return _said(Verdict.SAME if is_same else Verdict.DIFFERS, written, manifest)


def _said(verdict: Verdict, written: Written, manifest: Manifest | None) -> ManifestBuild:
    return ManifestBuild(
        verdict=verdict,
        version=manifest.number if manifest is not None else None,
        commit=written.source.commit,
        files=len(written.listing.entries),
        digest=written.document.digest,
        content=written.document.content,
    )
