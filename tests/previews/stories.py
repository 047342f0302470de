"""Previews as people make them: over the API, with real bundles."""

import hashlib
import io
import zipfile
from collections.abc import Mapping
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.projects.models import Project
from tests.factories.projects import ProjectFactory
from tests.furniture.people import Person

SESSIONS = "/api/v1/preview/sessions"
DEVICE = "a-device-of-its-own-0001"
SITE = {"index.html": b"<h1>Hello</h1>", "app.js": b"console.log(1)"}


def zip_of(files: Mapping[str, bytes] = SITE) -> bytes:
    """Return a good zip of files by path."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            # Without the clock: the same files are the same bytes.
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def project_of(person: Person, **fields: Any) -> Project:
    """Return a project of the person's own."""
    return ProjectFactory.create(organization=person.organization, owner=person.user, **fields)


def create(person: Person, project: Project | None = None, **fields: Any) -> dict[str, Any]:
    """Create a session and return the answer, with its token."""
    chosen = project or project_of(person)
    body = {"project_id": str(chosen.pk), "platform": "web", **fields}
    answer = person.api.post(SESSIONS, body, format="json")
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = answer.json()
    return found


def upload(person: Person, session_id: str, content: bytes, key: str = "", **fields: Any) -> Any:
    """Send a bundle, with an Idempotency-Key if one is given, and return the response."""
    form = {
        "bundle_file": SimpleUploadedFile("bundle.zip", content),
        "sha256": hashlib.sha256(content).hexdigest(),
        **fields,
    }
    headers = {"Idempotency-Key": key} if key else {}
    return person.api.post(f"{SESSIONS}/{session_id}/bundle", form, format="multipart", headers=headers)


def open_revision(person: Person, session_id: str, key: str = "") -> Any:
    """Open the next upload of a session and return the response."""
    headers = {"Idempotency-Key": key} if key else {}
    return person.api.post(f"{SESSIONS}/{session_id}/revisions", {}, format="json", headers=headers)


def visit(call: str, token: str, device_id: str = DEVICE, client: Client | None = None, **extra: Any) -> Any:
    """Call as the holder of a token."""
    return (client or Client()).post(
        f"/api/v1/preview/{call}",
        {"device_id": device_id},
        content_type="application/json",
        headers={"Authorization": f"Preview {token}", **extra},
    )


def path_of(url: str) -> str:
    """Return the path of an address that an answer names."""
    return url.partition("://")[2].partition("/")[1] + url.partition("://")[2].partition("/")[2]


def fetch(url: str, **headers: str) -> Any:
    """Fetch what a grant's address leads to; a download stays open until it is read."""
    return Client().get(path_of(url), headers=headers)
