"""The endpoints of datasets, their imports and versions."""

import re
import uuid
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.errors import NotFound
from apps.common.requests import StrictJSONParser, StrictMultiPartParser
from apps.common.viewsets import UUID_PATTERN, ResourceViewSet
from apps.datasets import services
from apps.datasets.api import serializers
from apps.datasets.api.filters import DatasetFilter, ImportFilter
from apps.datasets.api.multipart import carries_files, read_body
from apps.datasets.importing.announcing import ACTIVE
from apps.datasets.importing.inspecting import propose
from apps.datasets.models import Dataset, Import, Term, TermField, Version
from apps.datasets.queries.categories import counted_terms
from apps.datasets.queries.diffs import diff_to_parent
from apps.datasets.queries.versions import VersionGone

NUMBER_PATTERN = re.compile(r"[1-9][0-9]{0,8}")
NUMBER = OpenApiParameter(
    "number", {"type": "integer", "minimum": 1, "maximum": 999_999_999}, OpenApiParameter.PATH
)
IMPORT_FIELDS = frozenset(serializers.ImportIn().fields)


def listed_datasets() -> Any:
    """Return datasets as they are shown: with version, creator and `importing`. One query a page."""
    active = Import.objects.filter(dataset=OuterRef("pk"), status__in=ACTIVE)
    return Dataset.objects.select_related("current_version", "created_by").annotate(importing=Exists(active))


def listed_imports() -> Any:
    """Return imports as they are shown."""
    return Import.objects.select_related("version", "created_by", "dataset")


def visible_dataset(actor: Any, dataset_id: str) -> Dataset:
    """Return a dataset of the actor's organization; raises NotFound."""
    if not UUID_PATTERN.fullmatch(dataset_id):
        raise NotFound
    row = Dataset.objects.visible_to(actor).filter(pk=uuid.UUID(dataset_id)).first()
    if row is None:
        raise NotFound
    return row


class DatasetViewSet(ResourceViewSet[Dataset]):
    """Datasets: named event collections, read in their current version."""

    queryset = listed_datasets()
    offers = ("list", "retrieve", "create", "partial_update", "destroy")
    permission = "datasets.view"
    permissions = {
        "create": "datasets.create",
        "partial_update": "datasets.change",
        "destroy": "datasets.delete",
        "category": "datasets.change",
    }
    serializer_class = serializers.DatasetOut
    in_serializer_class = serializers.DatasetIn
    patch_serializer_class = serializers.DatasetPatch
    filterset_class = DatasetFilter
    search_fields = ("name", "description")
    sort_fields = {
        "name": "name",
        "created_at": "created_at",
        "updated_at": "updated_at",
        "event_count": "current_version__event_count",
    }
    parser_classes = (StrictJSONParser, StrictMultiPartParser)
    upload_max_bytes = settings.DATASETS_MULTIPART_MAX_BYTES

    def get_parsers(self) -> list[BaseParser]:
        """Take forms where files come in, with POST, and JSON alone elsewhere."""
        parsers: list[BaseParser] = super().get_parsers()
        is_post = self.request.method == "POST" if self.request else self.action == "create"
        return parsers if is_post else parsers[:1]

    def limit_of(self, request: Request) -> str:
        """Count a dataset with files, sent or named, as an import."""
        fills = self.action == "create" and (carries_files(request) or "source" in request.data)
        return "ingest" if fills else super().limit_of(request)

    @extend_schema(
        request={"application/json": serializers.DatasetIn, "multipart/form-data": serializers.DatasetForm},
        responses={201: serializers.DatasetOut, 202: serializers.StartedOut},
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Create a dataset: with files or a source 202 and its import, without 201 and pending."""
        values, files = read_body(request, serializers.DatasetIn)
        options = {name: values.pop(name) for name in IMPORT_FIELDS & values.keys()}
        if not files and options.get("source") is None:
            row = services.create_dataset(actor=self.actor, **values)
            shown = self.get_queryset().get(pk=row.pk)
            return Response(self.answer(shown), status=201, headers=self.location_of(shown))
        started = services.create_dataset_from_files(actor=self.actor, files=files, options=options, **values)
        shown = self.get_queryset().get(pk=started.dataset_id)
        body = serializers.StartedOut({"dataset": shown, "started": started}).data
        return Response(body, status=202, headers={"Location": import_url(started)})

    def update_row(self, row: Dataset, values: dict[str, Any]) -> Dataset:
        """Change the dataset."""
        services.update_dataset(actor=self.actor, dataset=row, **values)
        changed: Dataset = self.get_queryset().get(pk=row.pk)
        return changed

    @extend_schema(responses={202: None})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Hide the dataset at once; its data is dropped by the clock."""
        super().destroy(request, *args, **kwargs)
        return Response(status=202)

    def delete_row(self, row: Dataset) -> None:
        """Delete the dataset."""
        services.delete_dataset(actor=self.actor, dataset=row)

    @extend_schema(responses=serializers.QualityOut)
    @action(detail=True)
    def quality(self, request: Request, pk: str) -> Response:
        """Return the quality report of the current version."""
        return Response(self._version().quality)

    @extend_schema(responses=serializers.CategoryOut(many=True))
    @action(detail=True)
    def categories(self, request: Request, pk: str) -> Response:
        """Return the categories of the current version with their numbers of events."""
        return self._terms(TermField.CATEGORY)

    @extend_schema(responses=serializers.CategoryOut(many=True))
    @action(detail=True)
    def labels(self, request: Request, pk: str) -> Response:
        """Return the labels of the current version with their numbers of events."""
        return self._terms(TermField.LABEL)

    @extend_schema(request=serializers.CategoryPatch, responses=serializers.TermOut)
    @action(detail=True, methods=["patch"], url_path=r"categories/(?P<number>[0-9]{1,5})")
    def category(self, request: Request, pk: str, number: str) -> Response:
        """Replace the other names of a category."""
        dataset = self.get_object()
        values = self.validated(serializers.CategoryPatch)
        term: Term = services.set_category_aliases(
            actor=self.actor, dataset=dataset, number=int(number), **values
        )
        return Response(serializers.TermOut(term).data)

    def _version(self) -> Version:
        version = self.get_object().current_version
        if version is None:
            raise NotFound("The dataset has no version yet.")
        return version

    def _terms(self, field: TermField) -> Response:
        terms = counted_terms(self._version(), field)
        return Response(serializers.CategoryOut(terms, many=True).data)


class ImportViewSet(ResourceViewSet[Import]):
    """Imports of all datasets: each one attempt to make a version out of files."""

    queryset = listed_imports()
    offers = ("list", "retrieve")
    permission = "datasets.view"
    permissions = {
        "mapping": "datasets.ingest",
        "cancel": "datasets.ingest",
        "retry": "datasets.ingest",
    }
    limits = {"retry": "ingest"}
    serializer_class = serializers.ImportOut
    filterset_class = ImportFilter

    @extend_schema(responses=serializers.ImportFileOut(many=True))
    @action(detail=True)
    def files(self, request: Request, pk: str) -> Response:
        """Return the files of an import with their four counts."""
        files = self.get_object().files.order_by("file_no")
        return Response(serializers.ImportFileOut(files, many=True).data)

    @extend_schema(methods=["get"], responses=serializers.ProposalOut)
    @extend_schema(methods=["post"], request=serializers.MappingIn, responses={202: serializers.ImportOut})
    @action(detail=True, methods=["get", "post"])
    def mapping(self, request: Request, pk: str) -> Response:
        """Return what is suggested for a waiting import, or decide it."""
        row = self.get_object()
        if request.method != "POST":  # GET, and HEAD as GET
            return Response(serializers.ProposalOut(propose(row)).data)
        values = self.validated(serializers.MappingIn)
        return self._accepted(services.confirm_mapping(actor=self.actor, row=row, **values))

    @extend_schema(request=None, responses={202: serializers.ImportOut})
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Cancel an import, at once or as soon as its worker notices."""
        return self._accepted(services.cancel_import(actor=self.actor, row=self.get_object()))

    @extend_schema(request=None, responses={202: serializers.ImportOut})
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> Response:
        """Queue a failed import again."""
        return self._accepted(services.retry_import(actor=self.actor, row=self.get_object()))

    def _accepted(self, row: Import) -> Response:
        return Response(self.answer(row), status=202, headers={"Location": import_url(row)})


class DatasetImportViewSet(ResourceViewSet[Import]):
    """The imports of one dataset."""

    queryset = listed_imports()
    offers = ("list", "create")
    permission = "datasets.view"
    permissions = {"create": "datasets.ingest"}
    limits = {"create": "ingest"}
    serializer_class = serializers.ImportOut
    in_serializer_class = serializers.ImportIn
    filterset_class = ImportFilter
    parser_classes = (StrictJSONParser, StrictMultiPartParser)
    upload_max_bytes = settings.DATASETS_MULTIPART_MAX_BYTES

    def get_queryset(self) -> Any:
        """Return the imports of the dataset in the address."""
        rows = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return rows
        return rows.filter(dataset=visible_dataset(self.actor, self.kwargs["dataset_id"]))

    @extend_schema(
        request={"application/json": serializers.ImportIn, "multipart/form-data": serializers.ImportForm},
        responses={202: serializers.ImportOut},
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Queue an import of the files sent, or of what `source` names."""
        dataset = visible_dataset(self.actor, self.kwargs["dataset_id"])
        options, files = read_body(request, serializers.ImportIn)
        row = services.start_import(actor=self.actor, dataset=dataset, files=files, options=options)
        return Response(self.answer(row), status=202, headers={"Location": import_url(row)})


class VersionViewSet(ResourceViewSet[Version]):
    """The versions of one dataset, by number."""

    queryset = Version.objects.select_related("parent", "dataset")
    offers = ("list", "retrieve")
    permission = "datasets.view"
    permissions = {"restore": "datasets.publish"}
    serializer_class = serializers.VersionOut
    sort_fields = {"number": "number"}
    default_sort = "-number"
    lookup_field = "number"
    lookup_value_regex = "[^/.]+"

    def get_queryset(self) -> Any:
        """Return the versions of the dataset in the address, the dropped ones too."""
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        return self.queryset.filter(dataset=visible_dataset(self.actor, self.kwargs["dataset_id"]))

    def get_object(self) -> Version:
        """Return the version of the address; raises NotFound, and VersionGone once it was dropped."""
        text = self.kwargs["number"]
        version: Version | None = None
        if NUMBER_PATTERN.fullmatch(text):
            version = self.get_queryset().filter(number=int(text)).first()
        if version is None:
            raise NotFound
        if version.dropped_at is not None:
            raise VersionGone
        return version

    @extend_schema(parameters=[NUMBER], responses=serializers.VersionDetailOut)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return a version's facts and its diff to the parent."""
        version = self.get_object()
        diff = serializers.DiffOut(diff_to_parent(version)).data
        return Response({**self.answer(version), "diff": diff})

    @extend_schema(parameters=[NUMBER], request=None, responses={201: serializers.VersionOut})
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, **kwargs: Any) -> Response:
        """Publish a new version with the segments of this one."""
        restored = services.restore_version(actor=self.actor, version=self.get_object())
        return Response(self.answer(self.get_queryset().get(pk=restored.pk)), status=201)


def import_url(row: Import) -> str:
    """Return the address of an import."""
    return reverse("import-detail", args=[str(row.pk)])
