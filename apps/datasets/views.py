"""Pages of datasets: list, overview card, wizard, one dataset, one import and its rejects."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from io import StringIO
from typing import Any, Final, Self
from zoneinfo import available_timezones

from django.conf import settings
from django.core.paginator import Paginator
from django.db.models import Prefetch, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from apps.accounts.pages import PageRequest, page
from apps.accounts.permissions import Actor
from apps.common.db import JobStatus
from apps.datasets.models import (
    Dataset,
    Import,
    ImportFile,
    Profile,
    Reject,
    Source,
    SourceMonth,
    Version,
)
from apps.datasets.models.dataset import DatasetQuerySet
from apps.datasets.queries.diffs import diff_to_parent
from apps.datasets.reading.sample_city import sample_city

ROWS_PER_PAGE: Final = 50
REJECTS_PER_PAGE: Final = 25
SAMPLE_ROWS: Final = 6_000
CARD_ROWS: Final = 6
IMPORTS_SHOWN: Final = 20
MONTHS_SHOWN: Final = 6
SEARCH_MAX_CHARS: Final = 200
RAW_SHOWN_CHARS: Final = 400
# The stages of an import in their order, as its page lists them.
STAGES: Final = (
    {"name": "fetch", "label": "Fetch"},
    {"name": "inspect", "label": "Inspect"},
    {"name": "read", "label": "Read"},
    {"name": "index", "label": "Index"},
    {"name": "check", "label": "Check"},
    {"name": "publish", "label": "Publish"},
)
UNFINISHED: Final = (JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.WAITING)


@require_safe
@page("datasets.view")
def dataset_list(request: PageRequest) -> HttpResponse:
    """Show the organization's datasets, fifty a page."""
    search = request.GET.get("search", "").strip()[:SEARCH_MAX_CHARS]
    datasets = _listed(request.actor).order_by("name", "id")
    if search:
        datasets = datasets.filter(name__icontains=search)
    rows = Paginator(datasets, ROWS_PER_PAGE).get_page(request.GET.get("page"))
    context = {"page": rows, "search": search, "may_create": request.actor.may("datasets.create")}
    return render(request, "datasets/list.html", context)


@require_safe
@page("datasets.view")
def overview_card(request: PageRequest) -> HttpResponse:
    """Show the datasets that changed last and how far their imports are: a card of the overview."""
    datasets = _listed(request.actor).order_by("-updated_at", "id")[:CARD_ROWS]
    context = {"datasets": datasets, "may_create": request.actor.may("datasets.create")}
    return render(request, "datasets/_card.html", context)


@require_safe
@page("datasets.create")
def new_dataset(request: PageRequest) -> HttpResponse:
    """Show the upload form of a new dataset; its module sends the files to the API."""
    context = {
        "action": reverse("dataset-list"),
        "zones": sorted(available_timezones()),
        "sample": reverse("datasets:sample"),
        **_form_facts(request.actor),
    }
    return render(request, "datasets/new.html", context)


@require_safe
@page("datasets.create")
def sample_file(request: PageRequest) -> HttpResponse:
    """Return a small sample city as a CSV file, for who wants to try without a file of their own."""
    stream = StringIO(newline="")
    sample_city(stream, rows=SAMPLE_ROWS)
    return HttpResponse(stream.getvalue(), content_type="text/csv; charset=utf-8")


@require_safe
@page("datasets.ingest")
def new_import(request: PageRequest, dataset_id: uuid.UUID) -> HttpResponse:
    """Show the upload form of a dataset that is there already."""
    dataset = get_object_or_404(Dataset.objects.visible_to(request.actor), pk=dataset_id)
    context = {
        "action": reverse("dataset-import-list", args=[dataset.pk]),
        "dataset": dataset,
        "may_publish": request.actor.may("datasets.publish", dataset),
        **_form_facts(request.actor),
    }
    return render(request, "datasets/new_import.html", context)


@require_safe
@page("datasets.view")
def dataset_page(request: PageRequest, dataset_id: uuid.UUID) -> HttpResponse:
    """Show one dataset: its current version, the versions kept, its imports."""
    dataset = get_object_or_404(_listed(request.actor).select_related("created_by"), pk=dataset_id)
    context = {
        "dataset": dataset,
        "versions": dataset.versions.filter(dropped_at__isnull=True).order_by("-number"),
        "imports": dataset.imports.select_related("version").order_by("-created_at", "id")[:IMPORTS_SHOWN],
        "sources": _listed_sources(dataset),
        "may_ingest": request.actor.may("datasets.ingest"),
        "may_publish": request.actor.may("datasets.publish", dataset),
        "may_schedule": request.actor.may("datasets.schedule", dataset),
        "may_delete": request.actor.may("datasets.delete", dataset),
    }
    return render(request, "datasets/dataset.html", context)


@require_safe
@page("datasets.view")
def version_changes(request: PageRequest, dataset_id: uuid.UUID, number: int) -> HttpResponse:
    """Show what a version changed against the one before: a fragment."""
    versions = Version.objects.select_related("parent", "dataset").filter(dropped_at__isnull=True)
    visible = Dataset.objects.visible_to(request.actor)
    version = get_object_or_404(versions, dataset__in=visible, dataset_id=dataset_id, number=number)
    diff = diff_to_parent(version)
    partitions = [each for each in diff.by_partition if each.name is not None]
    return render(
        request, "datasets/_changes.html", {"version": version, "diff": diff, "partitions": partitions}
    )


@require_safe
@page("datasets.view")
def import_page(request: PageRequest, dataset_id: uuid.UUID, import_id: uuid.UUID) -> HttpResponse:
    """Show one import: the mapping it waits for, its progress, or its result."""
    job = _visible_import(request.actor, dataset_id, import_id)
    files = list(job.files.order_by("file_no"))
    context = {
        "job": job,
        "dataset": job.dataset,
        "files": files,
        "uploads": len(files),
        "stages": STAGES,
        "is_final": JobStatus(job.status).is_final,
        "may_ingest": request.actor.may("datasets.ingest"),
    }
    return render(request, "datasets/import.html", context)


@require_safe
@page("datasets.ingest")
def rejects(request: PageRequest, dataset_id: uuid.UUID, import_id: uuid.UUID) -> HttpResponse:
    """Show a page of an import's rejects and duplicates, in the order of the files: a fragment."""
    job = _visible_import(request.actor, dataset_id, import_id)
    evidence = Reject.objects.filter(dataset_no=job.dataset.no, import_no=job.no).order_by("seq")
    if code := request.GET.get("code"):
        evidence = evidence.filter(code=code)
    shown = Paginator(evidence, REJECTS_PER_PAGE).get_page(request.GET.get("page"))
    files = {file.file_no: file for file in job.files.all()}
    context = {
        "job": job,
        "page": shown,
        "rows": [RejectedRow.of(each, files) for each in shown],
        "many_files": len(files) > 1,
        "code": code,
        "evidence_days": settings.DATASETS_EVIDENCE_DAYS,
    }
    return render(request, "datasets/_rejects.html", context)


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """One row of evidence as people see it: the file's name, and the bytes as text."""

    evidence: Reject
    file: str
    text: str

    @classmethod
    def of(cls, evidence: Reject, files: Mapping[int, ImportFile]) -> Self:
        """Decode the bytes by the file's encoding; what does not decode shows as a replacement sign."""
        file = files.get(evidence.file_no)
        encoding = (file.dialect or {}).get("encoding", "utf-8") if file else "utf-8"
        text = bytes(evidence.raw).decode(encoding, errors="replace").rstrip("\r\n")
        shown = text if len(text) <= RAW_SHOWN_CHARS else f"{text[:RAW_SHOWN_CHARS]} …"
        return cls(evidence, (file.member or file.name) if file else "", shown)


def _listed_sources(dataset: Dataset) -> QuerySet[Source]:
    """Return a dataset's sources, each with the newest of its months as `latest_months`."""
    months = SourceMonth.objects.order_by("source_id", "-month")
    newest = Prefetch("months", queryset=months[:MONTHS_SHOWN], to_attr="latest_months")
    return dataset.sources.order_by("created_at", "id").prefetch_related(newest)


def _form_facts(actor: Actor) -> dict[str, Any]:
    """Return what both upload forms need: where files go, how large they may be, which profiles there are."""
    return {
        "uploads": reverse("upload-list"),
        "profiles": Profile.objects.visible_to(actor).order_by("name", "id"),
        "max_bytes": settings.DATASETS_UPLOAD_MAX_BYTES,
        "reject_limit_percent": round(100 * settings.DATASETS_REJECT_LIMIT),
    }


def _listed(actor: Actor) -> DatasetQuerySet:
    """Return the actor's datasets, each with its version and `unfinished_imports`, newest first."""
    unfinished = Import.objects.filter(status__in=UNFINISHED).order_by("-created_at", "id")
    return (
        Dataset.objects.visible_to(actor)
        .select_related("current_version")
        .prefetch_related(Prefetch("imports", queryset=unfinished, to_attr="unfinished_imports"))
    )


def _visible_import(actor: Actor, dataset_id: uuid.UUID, import_id: uuid.UUID) -> Import:
    """Return an import of the actor's; raises Http404."""
    imports = Import.objects.visible_to(actor).select_related("dataset", "version", "created_by")
    return get_object_or_404(imports, pk=import_id, dataset_id=dataset_id)
