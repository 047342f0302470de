"""Manifests over the API: a version, its exact bytes, its entries, what changed between two."""

import base64
import hashlib
import itertools
import json
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pytest_django.fixtures import Settings

from apps.projects.models import Project
from apps.projects.reading.paths import path_key
from tests.factories.projects import ManifestFactory
from tests.furniture.people import Actors
from tests.furniture.query_counts import Check
from tests.projects.manifests.building import publish_head
from tests.projects.repositories import Repository

pytestmark = pytest.mark.django_db


def get(actors: Actors, project: Project, place: str, /, **query: Any) -> Any:
    headers = query.pop("headers", {})
    return actors.viewer.api.get(f"/api/v1/projects/{project.pk}/{place}", query, headers=headers)


def published_keys(actors: Actors) -> dict[str, Ed25519PublicKey]:
    """Return the keys as anybody gets them."""
    answer = actors.anonymous.api.get("/api/v1/manifest-keys")
    assert answer.status_code == 200
    keys = answer.json()["results"]
    assert [key["active"] for key in keys] == [True, *[False] * (len(keys) - 1)]
    return {
        key["key_id"]: Ed25519PublicKey.from_public_bytes(base64.b64decode(key["public_key"])) for key in keys
    }


def test_the_document_is_signed_by_a_published_key_and_one_flipped_byte_is_not(
    actors: Actors, project: Project, repository: Repository
) -> None:
    repository.commit({"a.py": "def f():\n    pass\n", b"\xff": "bytes"})
    publish_head(project, repository)
    answer = get(actors, project, "manifest/document")
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    key_id, _, signature = answer.headers["Sextant-Signature"].partition(":")
    digest = hashlib.sha256(answer.content).hexdigest()
    assert answer.headers["ETag"] == f'"{digest}"'
    key = published_keys(actors)[key_id]
    key.verify(base64.b64decode(signature), f"sextant-manifest/1\n{digest}".encode())
    flipped = bytes([answer.content[0] ^ 1]) + answer.content[1:]
    with pytest.raises(InvalidSignature):
        key.verify(
            base64.b64decode(signature),
            f"sextant-manifest/1\n{hashlib.sha256(flipped).hexdigest()}".encode(),
        )
    header, *entries = [json.loads(line) for line in answer.content.splitlines()]
    assert header["project_id"] == str(project.pk)
    assert header["commit"] == repository.tip("main")
    assert [entry.get("path", entry.get("path_bytes")) for entry in entries] == ["a.py", "%FF"]


def test_a_rotated_key_leaves_old_versions_verifiable(
    actors: Actors, project: Project, repository: Repository, settings: Settings
) -> None:
    repository.commit({"a": "1"})
    first = publish_head(project, repository)
    settings.PROJECTS_MANIFEST_KEYS = ["a new secret", *settings.PROJECTS_MANIFEST_KEYS]
    repository.commit({"a": "2"})
    second = publish_head(project, repository)
    assert first.key_id != second.key_id
    keys = published_keys(actors)
    for manifest in (first, second):
        signed = f"sextant-manifest/1\n{bytes(manifest.digest).hex()}".encode()
        keys[manifest.key_id].verify(bytes(manifest.signature), signed)


def test_a_version_is_shown_with_its_facts(actors: Actors, project: Project, repository: Repository) -> None:
    commit = repository.commit({"a.py": "x = 1\n", "index.html": "<p>\n", "ios/x": "1"})
    publish_head(project, repository)
    answer = get(actors, project, "manifest")
    shown = answer.json()
    assert (shown["version"], shown["state"], shown["commit"]) == (1, "current", commit)
    assert answer.headers["ETag"] == f'"{shown["digest"]}"'
    assert shown["header"]["totals"]["by_kind"] == {"file": 3}
    assert shown["facts"]["languages"] == {"Python": 0.6, "HTML": 0.4}
    assert shown["facts"]["preview_capable"] == {
        "ios": {"yes": True, "reason": "ios/"},
        "android": {"yes": False, "reason": ""},
        "web": {"yes": True, "reason": "index.html"},
    }
    assert (
        get(actors, project, "manifest", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    )
    assert get(actors, project, "manifest", commit=commit).json()["version"] == 1
    assert get(actors, project, "manifest", version=2).status_code == 404
    assert get(actors, project, "manifest", commit="0" * 40).status_code == 404
    assert get(actors, project, "manifest", commit="main").status_code == 422


def test_entries_are_narrowed_and_walked_in_one_version(
    actors: Actors, project: Project, repository: Repository
) -> None:
    repository.commit({"src/a.py": "1\n", "src/b.md": "2\n", "src/c.py": "3\n", "top.py": "4\n"})
    publish_head(project, repository)

    def paths(**query: Any) -> list[str]:
        return [
            entry["path"] for entry in get(actors, project, "manifest/entries", **query).json()["results"]
        ]

    assert paths() == ["src/a.py", "src/b.md", "src/c.py", "top.py"]
    assert paths(prefix="src/", language="Python") == ["src/a.py", "src/c.py"]
    assert paths(kind="exec") == []
    page = get(actors, project, "manifest/entries", page_size=2).json()
    # What is published meanwhile is another version: the cursor keeps to the first one.
    repository.commit({"src/bb.py": "5\n"})
    publish_head(project, repository)
    following = actors.viewer.api.get(page["next"]).json()
    assert (following["version"], following["next"]) == (1, None)
    assert [entry["path"] for entry in following["results"]] == ["src/c.py", "top.py"]
    entry = following["results"][1]
    assert (entry["path_key"], entry["sha256"]) == (path_key(b"top.py"), hashlib.sha256(b"4\n").hexdigest())
    assert (entry["language"], entry["encoding"], entry["eol"], entry["symbols"]) == (
        "Python", "ascii", "lf", None,
    )  # fmt: skip


def test_a_diff_tells_added_removed_changed_and_renamed(
    actors: Actors, project: Project, repository: Repository
) -> None:
    repository.commit({"same": "s", "gone": "g", "edited": "1", "old/name": "moved\n", "twin": "moved\n"})
    publish_head(project, repository)
    repository.commit({"gone": None, "edited": "2", "old/name": None, "new/name": "moved\n", "come": "c"})
    publish_head(project, repository)
    found = get(actors, project, "manifest/diff", **{"from": 1}).json()
    assert (found["from_version"], found["to_version"], found["truncated"]) == (1, 2, False)
    assert {name: [change["path"] for change in found[name]] for name in found["counts"]} == {
        "added": ["come"],
        "removed": ["gone"],
        "changed": ["edited"],
        "renamed": ["new/name"],
    }
    assert found["renamed"][0]["old_path"] == "old/name"
    assert found["counts"] == {"added": 1, "removed": 1, "changed": 1, "renamed": 1}
    back = get(actors, project, "manifest/diff", **{"from": 2, "to": 1}).json()
    assert [change["path"] for change in back["added"]] == ["gone"]
    assert get(actors, project, "manifest/diff", **{"from": 9}).status_code == 404


def test_versions_are_listed_newest_first(
    actors: Actors, project: Project, repository: Repository, same_queries: Check
) -> None:
    numbers = itertools.count(1)

    def version() -> None:
        number = next(numbers)
        ManifestFactory.create(project=project, number=number, commit=f"{number:040}")

    same_queries("project-manifests", version, lambda: get(actors, project, "manifests"))
    found = get(actors, project, "manifests", page_size=3).json()["results"]
    assert [each["version"] for each in found] == [20, 19, 18]


@pytest.mark.parametrize(
    "place", ["manifest", "manifests", "manifest/document", "manifest/entries", "manifest/diff?from=1"]
)
def test_readers_of_the_project_alone_read_manifests(
    actors: Actors, project: Project, repository: Repository, place: str
) -> None:
    repository.commit({"a": "1"})
    publish_head(project, repository)
    address = f"/api/v1/projects/{project.pk}/{place}"
    answers = {
        name: actors[name].api.get(address).status_code for name in ("viewer", "stranger", "anonymous")
    }
    assert answers == {"viewer": 200, "stranger": 404, "anonymous": 401}


def test_a_project_without_a_manifest_has_none(actors: Actors, project: Project) -> None:
    assert get(actors, project, "manifest").status_code == 404
    assert get(actors, project, "manifests").json()["results"] == []
