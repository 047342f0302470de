"""Projects as a whole sync leaves them: refs, manifest and file rows of the same commit."""

from django.db import transaction

from apps.projects.git.layout import published_repository
from apps.projects.manifests.building import build_manifest
from apps.projects.manifests.publishing import publish_manifest
from apps.projects.models import Project
from tests.factories.projects import publish
from tests.projects.repositories import Repository


def publish_whole(project: Project, repository: Repository) -> None:
    """Publish the present state of a repository with its manifest."""
    mirror = publish(project, repository)
    project.refresh_from_db()
    built = build_manifest(
        project=project,
        repository=published_repository(mirror),
        commit=mirror.head_commit,
        ref=mirror.head_ref,
        beat=lambda: None,
    )
    with transaction.atomic():
        publish_manifest(project=project, built=built)
