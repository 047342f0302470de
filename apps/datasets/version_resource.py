"""Versions as programs and models read them over MCP."""

import uuid
from typing import Annotated, Any, Final

import msgspec

from apps.accounts.permissions import Actor
from apps.common.tools import Instant, Resource, Result
from apps.datasets.models import Dataset, Version


class VersionFacts(Result):
    """A version of a dataset; answers cite it by dataset and number."""

    id: uuid.UUID
    dataset: uuid.UUID
    dataset_name: str
    number: int
    is_current: bool
    event_count: int
    extent: Annotated[list[float] | None, msgspec.Meta(description="West, south, east, north in degrees.")]
    first_at: Instant | None
    last_at: Instant | None
    published_at: Instant


def version_facts(row: Version) -> VersionFacts:
    """Return a version as it goes out."""
    return VersionFacts(
        id=row.pk,
        dataset=row.dataset_id,
        dataset_name=row.dataset.name,
        number=row.number,
        is_current=row.dataset.current_version_id == row.pk,
        event_count=row.event_count,
        extent=row.extent,
        first_at=row.first_at,
        last_at=row.last_at,
        published_at=row.published_at,
    )


def _visible(actor: Actor) -> Any:
    kept = Version.objects.filter(dropped_at__isnull=True, dataset__in=Dataset.objects.visible_to(actor))
    return kept.select_related("dataset")


VERSION_RESOURCE: Final = Resource(
    app="datasets",
    type="version",
    title="Version of a dataset",
    description="An immutable state of a dataset's events, with its facts.",
    permission="datasets.view",
    rows=_visible,
    name_of=lambda row: f"{row.dataset.name}, version {row.number}",
    content_of=version_facts,
    # There are many, and answers name them by dataset and number.
    is_listed=False,
)
