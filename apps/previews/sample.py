"""The preview of the sample organization: a small page, shared for an hour, whose token nobody was shown."""

import datetime as dt
import hashlib
import io
import secrets
import zipfile
from typing import Final

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from apps.accounts.models import Organization
from apps.common.db import JobStatus
from apps.previews.bundles import inspect_bundle
from apps.previews.models import Bundle, Session
from apps.previews.pruning import purge_previews
from apps.previews.states import LIVE, Platform, SessionStatus
from apps.previews.storing import FOLDER
from apps.previews.tokens import new_public_id
from apps.previews.validating.job import limits
from apps.projects.models import Project

LABEL: Final = "Sample page"
LIFETIME: Final = dt.timedelta(hours=1)
DEVICES: Final = 3
FILES: Final = {
    "index.html": '<!doctype html><title>Inventory</title><link rel="stylesheet" href="page.css">'
    "<h1>Inventory</h1><p>What the shelves hold, as of this morning.</p>",
    "page.css": "body { font: 18px/1.5 system-ui; max-width: 40rem; margin: 4rem auto }",
}


def make_sample(organization: Organization) -> Session | None:
    """Share a page of the organization's first project; None if there is no project, or one is shared."""
    project = Project.objects.living().filter(organization=organization).order_by("created_at", "pk").first()
    now = timezone.now()
    mine = Session.objects.filter(organization=organization, label=LABEL)
    if project is None or mine.filter(status__in=LIVE, expires_at__gt=now).exists():
        return None
    content = _zip()
    key = default_storage.save(f"{FOLDER}/{secrets.token_hex(16)}", ContentFile(content))
    return _shared(project, key, content, now)


def remove_sample(organization: Organization) -> None:
    """Remove every preview of the organization, before the projects that they name."""
    purge_previews(organization.pk)


@transaction.atomic
def _shared(project: Project, key: str, content: bytes, now: dt.datetime) -> Session:
    facts = inspect_bundle(io.BytesIO(content), platform=Platform.WEB, limits=limits(), beat=lambda _: None)
    session = Session.objects.create(
        organization=project.organization,
        project=project,
        created_by=project.owner,
        public_id=new_public_id(),
        platform=Platform.WEB,
        label=LABEL,
        max_devices=DEVICES,
        expires_at=now + LIFETIME,
    )
    bundle = Bundle.objects.create(
        organization=project.organization,
        session=session,
        created_by=project.owner,
        revision=1,
        status=JobStatus.SUCCEEDED,
        progress=1.0,
        finished_at=now,
        storage_key=key,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        expanded_bytes=facts.expanded_bytes,
        entries=facts.entries,
        entry=facts.entry,
    )
    Session.objects.filter(pk=session.pk).update(
        status=SessionStatus.READY, revision=bundle.revision, current_bundle=bundle
    )
    session.refresh_from_db()
    return session


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in FILES.items():
            archive.writestr(name, text)
    return buffer.getvalue()
