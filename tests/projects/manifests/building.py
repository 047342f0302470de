"""Builds of manifests for tests: a mirror is published, its head built and published."""

from apps.projects.git.layout import published_repository
from apps.projects.manifests.building import build_manifest
from apps.projects.manifests.publishing import publish_manifest
from apps.projects.manifests.values import BuiltManifest
from apps.projects.models import Manifest, Project
from tests.factories.projects import publish
from tests.projects.repositories import Repository


def build_head(project: Project, repository: Repository) -> BuiltManifest:
    """Mirror the repository's present state and build the manifest of its head."""
    mirror = publish(project, repository)
    return build_manifest(
        project=project,
        repository=published_repository(mirror),
        commit=mirror.head_commit,
        ref=mirror.head_ref,
    )


def publish_head(project: Project, repository: Repository) -> Manifest:
    """Mirror the repository's present state and publish the manifest of its head."""
    return publish_manifest(project=project, built=build_head(project, repository))
