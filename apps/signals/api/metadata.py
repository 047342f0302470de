"""The endpoints of the metadata: what dbt built, and the documents of runs."""

import re
from typing import Any, Final

from django.db.models import QuerySet
from django.http.response import HttpResponse
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.errors import NotFound
from apps.common.filters import StrictFilterSet, any_text
from apps.common.viewsets import ResourceViewSet
from apps.signals import services
from apps.signals.api import metadata_serializers as out
from apps.signals.models import DbtModel, Run
from apps.signals.queries import metadata
from apps.signals.storage.dbt_files import KINDS

KIND: Final = OpenApiParameter("kind", {"type": "string", "enum": list(KINDS)}, OpenApiParameter.PATH)
NAME: Final = re.compile(r"[A-Za-z0-9_]{1,255}")


class ModelFilter(StrictFilterSet):
    """`layer` (repeated means any of) and `tag`."""

    layer = any_text("layer")
    tag = any_text("tags")

    class Meta:
        model = DbtModel
        fields: list[str] = []

    def filter_queryset(self, queryset: QuerySet[DbtModel]) -> QuerySet[DbtModel]:
        """Narrow to the layers and to models with any of the tags."""
        wanted = self.form.cleaned_data
        if wanted.get("layer"):
            queryset = queryset.filter(layer__in=wanted["layer"])
        return queryset.filter(tags__overlap=wanted["tag"]) if wanted.get("tag") else queryset


class DbtModelViewSet(ResourceViewSet[DbtModel]):
    """The seeds and models of the dbt project, as its last build left them."""

    queryset = DbtModel.objects.all()
    offers = ("list", "retrieve")
    permission = "signals.view"
    serializer_class = out.DbtModelOut
    filterset_class = ModelFilter
    search_fields = ("name", "description")
    sort_fields = {"name": "name", "layer": "layer"}
    default_sort = "name"
    lookup_field = "name"

    def get_object(self) -> DbtModel:
        """Return the model of that name in the actor's organization; raises NotFound."""
        name = self.kwargs["name"]
        found: DbtModel | None = None
        if NAME.fullmatch(name):
            found = self.get_queryset().filter(name=name).first()
        if found is None:
            raise NotFound
        return found

    @extend_schema(responses=out.DbtModelDetailOut)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return a model with its columns and tests."""
        return Response(out.DbtModelDetailOut(self.get_object()).data)

    @extend_schema(responses=out.ModelLineageOut)
    @action(detail=True)
    def lineage(self, request: Request, name: str) -> Response:
        """Return what a model is made of and what is made of it."""
        return Response(out.ModelLineageOut(metadata.lineage_of(self.actor, self.get_object())).data)


class MetadataViewSet(ResourceViewSet[Run]):
    """What dbt built, the documents of runs, and a new build."""

    queryset = Run.objects.all()
    permission = "signals.view"
    permissions = {"refresh": "signals.run"}
    limits = {"refresh": "ingest"}
    serializer_class = out.MetadataSummaryOut
    query_serializer_classes = {
        "bundle": out.DocumentParameters,
        "run_manifest": out.DocumentParameters,
    }

    @extend_schema(responses=out.MetadataSummaryOut)
    def summary(self, request: Request) -> Response:
        """Return how much dbt knows, and how its last build went."""
        return Response(out.MetadataSummaryOut(metadata.summarize_metadata(self.actor)).data)

    @extend_schema(responses=out.BundleOut)
    def bundle(self, request: Request) -> Response:
        """Return the metadata bundle of a run, null if it has none."""
        run = metadata.described_run(self.actor, self.validated_query().get("run"))
        found = metadata.document_of(run, metadata.BUNDLE)
        return Response(out.BundleOut({"run": run, "bundle": found}).data)

    @extend_schema(responses=out.RunManifestOut)
    def run_manifest(self, request: Request) -> Response:
        """Return the manifests of a run."""
        run = metadata.described_run(self.actor, self.validated_query().get("run"))
        found = {
            "run": run,
            "manifest": metadata.document_of(run, metadata.MANIFEST),
            "semantic_manifest": metadata.document_of(run, metadata.SEMANTIC),
        }
        return Response(out.RunManifestOut(found).data)

    @extend_schema(parameters=[KIND], responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def artifact(self, request: Request, kind: str) -> HttpResponse:
        """Return an artifact of the newest build as a download; 404 if none was made."""
        if kind not in KINDS:
            raise NotFound
        headers = {
            "Content-Disposition": f'attachment; filename="{kind}.json"',
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-cache",
        }
        content = metadata.read_artifact(self.actor, kind)
        return HttpResponse(content, content_type="application/octet-stream", headers=headers)

    @extend_schema(request=out.MetadataRefreshIn, responses={202: out.BuildJobOut})
    def refresh(self, request: Request) -> Response:
        """Build a run anew; joins a build that waits."""
        run = metadata.loaded_run(self.actor, self.validated(out.MetadataRefreshIn)["run"])
        row = services.start_build(actor=self.actor, runs=[run])
        location = {"Location": reverse("job-detail", args=[str(row.pk)])}
        return Response(out.BuildJobOut(row).data, status=202, headers=location)
