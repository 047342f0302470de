"""Results with a model's words, kept for an organization: what is equal is not paid for twice."""

import datetime as dt
from typing import Any, Final

import msgspec
from django.conf import settings
from django.utils import timezone

from apps.common.db import JobStatus
from apps.projects.documenting.outgoing import Parcel
from apps.projects.documenting.prompts import PROMPT_VERSION
from apps.projects.documenting.results import GENERATOR, Result, SourceRef
from apps.projects.documenting.storing import load_result
from apps.projects.documenting.wishes import digest_of
from apps.projects.models import CodeJob
from apps.projects.states import Completeness

KEPT: Final = dt.timedelta(days=30)


def cache_key(row: CodeJob, parcel: Parcel, read: tuple[SourceRef, ...]) -> bytes:
    """Return the digest of all that a result depends on: equal for equal ones.

    The paths count as well as the blobs, because the result names them.
    """
    request = row.request
    return digest_of(
        [settings.AI_PROVIDER, settings.AI_BASE_URL, settings.AI_MODEL, PROMPT_VERSION, GENERATOR],
        [row.type, request["instructions"], request["selection"], request["targets"]],
        _pairs(parcel.sources),
        _pairs(read),
    )


def find_cached(row: CodeJob, key: bytes) -> Result | None:
    """Return the newest equal result of the organization, marked as cached; None if there is none."""
    same = CodeJob.objects.filter(
        organization=row.organization_id,
        cache_key=key,
        status=JobStatus.SUCCEEDED,
        outcome=Completeness.COMPLETE,
        is_degraded=False,
        finished_at__gte=timezone.now() - KEPT,
    )
    newest = same.order_by("-finished_at", "-pk").first()
    found = load_result(newest) if newest is not None else None
    if found is None:
        return None
    provenance = msgspec.structs.replace(found.provenance, cached=True, tokens_in=0, tokens_out=0)
    return msgspec.structs.replace(found, provenance=provenance)


def _pairs(sources: tuple[SourceRef, ...]) -> list[Any]:
    return sorted([source.path, source.blob_id] for source in sources)
