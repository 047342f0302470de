"""Previews as an upload and its validation leave them."""

import datetime as dt
import hashlib
import io
import zipfile
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from apps.accounts.models import User
from apps.previews.models import Bundle, Session
from apps.previews.states import SessionStatus
from apps.previews.storing import FOLDER
from apps.previews.tokens import new_public_id
from apps.projects.models import Project


def make_preview(project: Project, creator: User | None = None, **fields: Any) -> Session:
    """Return a session with a good bundle, ready for an hour; `fields` say what is different."""
    options: dict[str, Any] = {
        "organization": project.organization,
        "project": project,
        "created_by": creator or project.owner,
        "public_id": new_public_id(),
        "platform": "web",
        "label": "A preview",
        "expires_at": timezone.now() + dt.timedelta(hours=1),
        "status": SessionStatus.READY,
        "revision": 1,
    }
    session = Session.objects.create(**{**options, **fields})
    content = _small_site()
    bundle = Bundle.objects.create(
        organization=project.organization,
        session=session,
        revision=1,
        status="succeeded",
        storage_key=default_storage.save(f"{FOLDER}/{new_public_id()}", ContentFile(content)),
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        entries=1,
        entry="index.html",
    )
    session.current_bundle = bundle
    session.save()
    return session


def _small_site() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.html", "<h1>Hello</h1>")
    return buffer.getvalue()
