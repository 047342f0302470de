"""What programs and models do over MCP to fill datasets: from an address, by months, and how far it is."""

import datetime as dt
import uuid
from typing import Annotated, Any, Final

import msgspec

from apps.accounts.permissions import Actor
from apps.common.db import JobStatus
from apps.common.errors import NotFound
from apps.common.tools import Arguments, Instant, Result, Tool
from apps.datasets import services
from apps.datasets.models import Dataset, Import, Source, SourceMonth
from apps.datasets.models.sources import month_text
from apps.datasets.source_services import MONTHS_MAX, asked_months, run_source
from apps.datasets.states import ImportMode, MonthState, Outcome, SourceOf

Month = Annotated[str, msgspec.Meta(pattern="^[0-9]{4}-[0-9]{2}$", description="A month as YYYY-MM.")]
Address = Annotated[str, msgspec.Meta(min_length=1, max_length=2_000, description="http or https.")]


class MonthsOfDataset(Arguments):
    """Which dataset's months to list."""

    dataset: Annotated[uuid.UUID, msgspec.Meta(description="The dataset's id.")]


class MonthFacts(Result):
    """What the last look at a month of a source found."""

    source: uuid.UUID
    month: str
    state: MonthState
    error_code: str
    changed_at: Instant


class MonthList(Result):
    """The months of a dataset's sources, the newest first; `sources` are those there are."""

    sources: list[uuid.UUID]
    months: list[MonthFacts]


class UrlImport(Arguments):
    """From where a dataset is to be filled; without `dataset` a new one is made."""

    url: Address
    dataset: uuid.UUID | None = None
    name: Annotated[str, msgspec.Meta(max_length=255, description="Of a new dataset.")] = ""
    zone: Annotated[str, msgspec.Meta(description="Time zone of a new dataset (IANA).")] = "UTC"
    mode: ImportMode = ImportMode.REPLACE
    dry_run: bool = False


class MonthsWanted(Arguments):
    """Which months of a source to fetch: a list, or from one to another."""

    source: uuid.UUID
    months: Annotated[list[Month], msgspec.Meta(max_length=MONTHS_MAX)] = []
    first: Month | None = None
    last: Month | None = None
    dry_run: bool = False


class ImportNamed(Arguments):
    """One import."""

    id: uuid.UUID


class ImportFacts(Result):
    """How far an import is; read = accepted + rejected + duplicates."""

    id: uuid.UUID
    dataset: uuid.UUID
    status: JobStatus
    outcome: Outcome | None
    stage: str
    progress: float
    rows_read: int
    accepted: int
    rejected: int
    duplicates: int
    version: int | None
    error_code: str
    error_detail: str


class ImportsQueued(Result):
    """The imports that were queued, in their order."""

    imports: list[ImportFacts]


def list_months(actor: Actor, wanted: MonthsOfDataset) -> MonthList:
    """Return the months of a dataset's sources; raises NotFound."""
    dataset = _dataset(actor, wanted.dataset)
    months = SourceMonth.objects.filter(source__dataset=dataset).order_by("-month", "source_id")
    return MonthList(
        sources=list(dataset.sources.order_by("created_at", "id").values_list("pk", flat=True)),
        months=[
            MonthFacts(
                source=row.source_id,
                month=month_text(row.month),
                state=MonthState(row.state),
                error_code=row.error_code,
                changed_at=row.changed_at,
            )
            for row in months
        ],
    )


def import_url(actor: Actor, wanted: UrlImport) -> ImportFacts:
    """Queue an import of a remote file; raises what the services raise."""
    options = {
        "source": {"kind": SourceOf.URL, "url": wanted.url},
        "mode": wanted.mode,
        "dry_run": wanted.dry_run,
    }
    if wanted.dataset is not None:
        dataset = _dataset(actor, wanted.dataset)
        row = services.start_import(actor=actor, dataset=dataset, files=(), options=options)
    else:
        fields = {"name": wanted.name} if wanted.name else {}
        row = services.create_dataset_from_files(
            actor=actor, files=(), options=options, zone=wanted.zone, **fields
        )
    return _facts(row)


def ingest_months(actor: Actor, wanted: MonthsWanted) -> ImportsQueued:
    """Queue an import for each month; raises NotFound, MonthInvalid."""
    source = (
        Source.objects.visible_to(actor).select_related("dataset", "profile").filter(pk=wanted.source).first()
    )
    if source is None:
        raise NotFound("There is no such source.")
    months: list[dt.date] = asked_months(wanted.months, wanted.first, wanted.last)
    rows = run_source(actor=actor, source=source, months=months, dry_run=wanted.dry_run)
    return ImportsQueued(imports=[_facts(row) for row in rows])


def import_status(actor: Actor, named: ImportNamed) -> ImportFacts:
    """Return how far an import is; raises NotFound."""
    row = Import.objects.visible_to(actor).select_related("version").filter(pk=named.id).first()
    if row is None:
        raise NotFound("There is no such import.")
    return _facts(row)


def _dataset(actor: Actor, dataset_id: uuid.UUID) -> Dataset:
    row = Dataset.objects.visible_to(actor).filter(pk=dataset_id).first()
    if row is None:
        raise NotFound("There is no such dataset.")
    return row


def _facts(row: Import) -> ImportFacts:
    return ImportFacts(
        id=row.pk,
        dataset=row.dataset_id,
        status=JobStatus(row.status),
        outcome=Outcome(row.outcome) if row.outcome else None,
        stage=row.stage,
        progress=row.progress,
        rows_read=row.rows_read,
        accepted=row.accepted,
        rejected=row.rejected,
        duplicates=row.duplicates,
        version=row.version.number if row.version else None,
        error_code=row.error_code,
        error_detail=row.error_detail,
    )


SOURCE_TOOLS: Final[tuple[Tool[Any], ...]] = (
    Tool(
        name="datasets_list_months",
        title="Months of a dataset's sources",
        description="List what the sources of a dataset have loaded month by month, the newest first.",
        permission="datasets.view",
        arguments=MonthsOfDataset,
        result=MonthList,
        call=list_months,
    ),
    Tool(
        name="datasets_import_url",
        title="Import a remote file",
        description="Fill a dataset, or a new one, from a file at a public address. Runs as a job.",
        permission="datasets.ingest",
        arguments=UrlImport,
        result=ImportFacts,
        call=import_url,
        writes=True,
    ),
    Tool(
        name="datasets_ingest_months",
        title="Fetch months of a source",
        description="Queue an import for each of some months of a source. Each runs as a job.",
        permission="datasets.schedule",
        arguments=MonthsWanted,
        result=ImportsQueued,
        call=ingest_months,
        writes=True,
    ),
    Tool(
        name="datasets_import_status",
        title="How far an import is",
        description="Return an import's state, stage, progress and counts.",
        permission="datasets.view",
        arguments=ImportNamed,
        result=ImportFacts,
        call=import_status,
    ),
)
