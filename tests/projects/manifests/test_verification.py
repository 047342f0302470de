"""Whoever changes a row, a fact or a document by hand is found out, and named."""

import json
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.projects.manifests.building import ManifestFailed
from apps.projects.manifests.verifying import verify_manifest
from apps.projects.models import BlobFact, File, Manifest, Project
from tests.furniture.people import Actors
from tests.projects.manifests.building import build_head, publish_head
from tests.projects.repositories import Repository

pytestmark = pytest.mark.django_db


@pytest.fixture
def manifest(project: Project, repository: Repository) -> Manifest:
    """Give the published manifest of two files."""
    repository.commit({"a.py": "def f():\n    pass\n", "sub/b.md": "text\n"})
    return publish_head(project, repository)


def codes(manifest: Manifest) -> list[str]:
    manifest.refresh_from_db()
    return [finding.code for finding in verify_manifest(manifest)]


def rewrite(manifest: Manifest, content: bytes) -> None:
    default_storage.delete(manifest.storage_key)
    default_storage.save(manifest.storage_key, ContentFile(content))


def test_what_was_published_is_sound(manifest: Manifest) -> None:
    assert codes(manifest) == []


def test_one_flipped_byte_of_the_document_is_named(manifest: Manifest) -> None:
    with default_storage.open(manifest.storage_key) as file:
        content = file.read()
    rewrite(manifest, content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])
    assert codes(manifest) == ["document_changed"]
    default_storage.delete(manifest.storage_key)
    assert codes(manifest) == ["document_missing"]


def test_a_forged_row_is_named(manifest: Manifest) -> None:
    signature = bytes(manifest.signature)
    Manifest.objects.update(signature=b"0" * 64)
    assert codes(manifest) == ["signature_invalid"]
    Manifest.objects.update(signature=signature, header={"files": 0})
    assert codes(manifest) == ["header_changed"]


def test_a_key_that_nobody_knows_any_more_is_named(manifest: Manifest, settings: Settings) -> None:
    settings.PROJECTS_MANIFEST_KEYS = ["another secret"]
    assert codes(manifest) == ["signature_invalid"]


def test_file_rows_changed_by_hand_are_named_by_their_path(manifest: Manifest) -> None:
    File.objects.filter(path=b"a.py").update(blob="0" * 40)
    File.objects.filter(path=b"sub").delete()
    found = verify_manifest(manifest)
    assert [finding.code for finding in found] == ["file_row_changed"] * 2
    assert ["a.py" in finding.detail for finding in found] == [True, False]


def test_a_kept_fact_changed_by_hand_is_named_and_never_becomes_a_version(
    manifest: Manifest, project: Project, repository: Repository
) -> None:
    blob = repository.git("rev-parse", "main:a.py")
    BlobFact.objects.filter(blob=blob).update(lines=99)
    found = verify_manifest(manifest)
    assert [(finding.code, blob in finding.detail) for finding in found] == [("fact_changed", True)]
    with pytest.raises(ManifestFailed):
        build_head(project, repository)


def test_a_document_changed_by_hand_is_stored_again_by_the_next_build(
    manifest: Manifest, project: Project, repository: Repository
) -> None:
    rewrite(manifest, b"{}\n")
    publish_head(project, repository)
    assert codes(manifest) == []


def test_the_command_builds_checks_and_writes(
    manifest: Manifest, project: Project, repository: Repository, tmp_path: Any, capsys: Any
) -> None:
    def run(*arguments: str) -> tuple[Any, Any]:
        with pytest.raises(SystemExit) as ended:
            call_command("build_manifest", str(project.pk), "--json", *arguments)
        return ended.value.code, json.loads(capsys.readouterr().out)

    code, said = run("--check", "--output", str(tmp_path / "document"))
    assert (code, said["verdict"], said["version"], said["files"]) == (0, "same", 1, 2)
    with default_storage.open(manifest.storage_key) as file:
        assert (tmp_path / "document").read_bytes() == file.read()
    rewrite(manifest, b"{}\n")
    assert run("--check")[0] == 1
    code, said = run()
    assert (code, said["verdict"], said["version"]) == (0, "published", 1)
    assert run("--check")[0] == 0
    # Of another ref nothing is stored.
    first = manifest.commit
    repository.commit({"c": "1"})
    publish_head(project, repository)
    code, said = run("--ref", first)
    assert (code, said["verdict"], said["version"], said["commit"]) == (0, "written", None, first)
    assert Manifest.objects.count() == 2
    assert run("--ref", "nowhere")[0] == 1


def test_a_rebuild_is_queued_by_those_who_may_sync(
    actors: Actors, project: Project, manifest: Manifest
) -> None:
    address = f"/api/v1/projects/{project.pk}/manifest/rebuild"
    codes = {
        name: actors[name].api.post(address, {}, format="json").status_code
        for name in ("stranger", "anonymous", "viewer", "manager")
    }
    assert codes == {"stranger": 404, "anonymous": 401, "viewer": 403, "manager": 202}
    again = actors.manager.api.post(address, {}, format="json").json()
    assert (again["kind"], again["joined"]) == ("manifest", True)
    Project.objects.update(archived_at=timezone.now())
    assert actors.manager.api.post(address, {}, format="json").status_code == 409
    assert actors.viewer.api.get(f"/api/v1/projects/{project.pk}/manifest").status_code == 200
