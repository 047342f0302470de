"""What programs and models reach of datasets over MCP."""

import uuid
from typing import Annotated, Any, Final

import msgspec
from django.db.models import Q

from apps.accounts.permissions import Actor
from apps.common.errors import FieldError, Invalid, NotFound
from apps.common.tools import (
    Arguments,
    CursorText,
    Instant,
    NextCursor,
    PageSize,
    Resource,
    Result,
    Tool,
    newest_first,
)
from apps.datasets import services
from apps.datasets.models import Dataset, TermField
from apps.datasets.queries.categories import counted_terms
from apps.datasets.states import DatasetStatus
from apps.datasets.version_resource import VERSION_RESOURCE

CATEGORIES_MAX: Final = 1_000

DatasetId = Annotated[uuid.UUID, msgspec.Meta(description="The dataset's id.")]
DatasetName = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
Description = Annotated[str, msgspec.Meta(max_length=2_000)]


class DatasetsWanted(Arguments):
    """Which datasets to list."""

    search: Annotated[
        str, msgspec.Meta(max_length=200, description="Text in the name or description, in any case.")
    ] = ""
    status: DatasetStatus | None = None
    page_size: PageSize = 50
    cursor: CursorText = ""


class DatasetNamed(Arguments):
    """One dataset."""

    id: DatasetId


class DatasetChange(Arguments):
    """What is to be different about a dataset; what is left out stays."""

    id: DatasetId
    name: DatasetName | msgspec.UnsetType = msgspec.UNSET
    description: Description | msgspec.UnsetType = msgspec.UNSET


class DatasetFacts(Result):
    """A dataset and the facts of its current version."""

    id: uuid.UUID
    name: str
    description: str
    status: DatasetStatus
    zone: Annotated[str, msgspec.Meta(description="The time zone of its local times.")]
    current_version: int | None
    event_count: int
    extent: Annotated[list[float] | None, msgspec.Meta(description="West, south, east, north in degrees.")]
    first_at: Instant | None
    last_at: Instant | None
    quality_score: Annotated[float | None, msgspec.Meta(description="0 to 100.")]
    created_at: Instant
    updated_at: Instant
    uri: str
    version_uri: Annotated[
        str | None, msgspec.Meta(description="The address of the current version's facts.")
    ]


class DatasetPage(Result):
    """One page of datasets, the newest first."""

    datasets: list[DatasetFacts]
    next_cursor: NextCursor


class CategoryCount(Result):
    """How many events have a category."""

    category: str
    events: int


class CategoryCounts(Result):
    """The categories of a dataset's current version, the most frequent first."""

    version: int
    event_count: int
    categories: list[CategoryCount]
    is_complete: Annotated[bool, msgspec.Meta(description="False if rare categories were left out.")]


def list_datasets(actor: Actor, wanted: DatasetsWanted) -> DatasetPage:
    """Return one page of the organization's datasets."""
    rows = _visible(actor)
    if wanted.search:
        rows = rows.filter(Q(name__icontains=wanted.search) | Q(description__icontains=wanted.search))
    if wanted.status is not None:
        rows = rows.filter(status=wanted.status)
    page, next_cursor = newest_first(rows, cursor=wanted.cursor, page_size=wanted.page_size)
    return DatasetPage(datasets=[facts_of(row) for row in page], next_cursor=next_cursor)


def get_dataset(actor: Actor, named: DatasetNamed) -> DatasetFacts:
    """Return one dataset; raises NotFound."""
    return facts_of(_found(actor, named.id))


def count_categories(actor: Actor, named: DatasetNamed) -> CategoryCounts:
    """Return the categories of the current version; raises NotFound for a dataset without data."""
    version = _found(actor, named.id).current_version
    if version is None:
        raise NotFound("The dataset has no data yet.")
    terms = counted_terms(version, TermField.CATEGORY)
    counts = [CategoryCount(category=term.text, events=term.count) for term in terms]  # type: ignore[attr-defined]
    return CategoryCounts(
        version=version.number,
        event_count=version.event_count,
        categories=counts[:CATEGORIES_MAX],
        is_complete=len(counts) <= CATEGORIES_MAX,
    )


def update_dataset(actor: Actor, change: DatasetChange) -> DatasetFacts:
    """Change name or description; raises NotFound, and what the service raises."""
    named = {"name": change.name, "description": change.description}
    changes = {name: value for name, value in named.items() if value is not msgspec.UNSET}
    if not changes:
        raise Invalid(errors=[FieldError("Name what is to be changed.", code="required", pointer="")])
    services.update_dataset(actor=actor, dataset=_found(actor, change.id), **changes)
    return facts_of(_found(actor, change.id))


def facts_of(row: Dataset) -> DatasetFacts:
    """Return a dataset as it goes out."""
    version = row.current_version
    return DatasetFacts(
        id=row.pk,
        name=row.name,
        description=row.description,
        status=DatasetStatus(row.status),
        zone=row.zone,
        current_version=version.number if version else None,
        event_count=version.event_count if version else 0,
        extent=version.extent if version else None,
        first_at=version.first_at if version else None,
        last_at=version.last_at if version else None,
        quality_score=version.quality.get("score") if version else None,
        created_at=row.created_at,
        updated_at=row.updated_at,
        uri=DATASET_RESOURCE.address_of(row.pk),
        version_uri=VERSION_RESOURCE.address_of(version.pk) if version else None,
    )


def _visible(actor: Actor) -> Any:
    return Dataset.objects.visible_to(actor).select_related("current_version")


def _found(actor: Actor, dataset_id: uuid.UUID) -> Dataset:
    row: Dataset | None = _visible(actor).filter(pk=dataset_id).first()
    if row is None:
        raise NotFound("There is no such dataset.")
    return row


DATASET_RESOURCE: Final = Resource(
    app="datasets",
    type="dataset",
    title="Dataset",
    description="A named collection of events, with the facts of its current version.",
    permission="datasets.view",
    rows=_visible,
    name_of=lambda row: str(row.name),
    content_of=facts_of,
)
TOOLS: Final[tuple[Tool[Any], ...]] = (
    Tool(
        name="datasets_list",
        title="Datasets",
        description="List the organization's datasets of geo-events, the newest first.",
        permission="datasets.view",
        arguments=DatasetsWanted,
        result=DatasetPage,
        call=list_datasets,
    ),
    Tool(
        name="datasets_describe",
        title="One dataset",
        description="Return a dataset: how many events, where, from when to when, and how good they are.",
        permission="datasets.view",
        arguments=DatasetNamed,
        result=DatasetFacts,
        call=get_dataset,
    ),
    Tool(
        name="datasets_categories",
        title="Categories of a dataset",
        description="Return how many events of a dataset have each category, the most frequent first.",
        permission="datasets.view",
        arguments=DatasetNamed,
        result=CategoryCounts,
        call=count_categories,
    ),
    Tool(
        name="datasets_update",
        title="Rename a dataset",
        description="Change a dataset's name or description; its data stay as they are.",
        permission="datasets.change",
        arguments=DatasetChange,
        result=DatasetFacts,
        call=update_dataset,
        writes=True,
        is_repeatable=True,
    ),
)
