"""The endpoints of graphs and runs: what there is, what differs, and the starts of stages."""

import uuid
from typing import Any

from django.http.response import HttpResponseBase
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.errors import FieldError, Invalid
from apps.common.streaming import stream
from apps.common.viewsets import ResourceViewSet
from apps.signals import services
from apps.signals.api import run_serializers as out
from apps.signals.api.keyset import PageParameters, page_of, place_of
from apps.signals.api.run_downloads import CSV_TYPE, write_diff
from apps.signals.api.run_filters import RunFilter
from apps.signals.models import Graph, Hydration, Run
from apps.signals.queries.choices import visible_run
from apps.signals.queries.graphs import graph_of, listed_graphs
from apps.signals.queries.node_results import find_node, results_page
from apps.signals.queries.run_diffs import (
    RunDiffKind,
    all_items,
    count_kinds,
    diff_page,
    previous_observed,
)
from apps.signals.queries.runs import listed_runs
from apps.signals.states import HydrationTrigger

NODE = OpenApiParameter("node_id", str, OpenApiParameter.PATH)
STAGES = ("load", "build", "hydrate", "pipeline")


class GraphViewSet(ResourceViewSet[Graph]):
    """Graphs: where runs come from. Operators change them in the admin."""

    queryset = listed_graphs()
    offers = ("list", "retrieve")
    permission = "signals.view"
    serializer_class = out.GraphOut
    search_fields = ("name",)
    sort_fields = {"name": "name", "created_at": "created_at"}
    default_sort = "name"


class RunViewSet(ResourceViewSet[Run]):
    """Runs of all graphs, each at one revision of its files."""

    queryset = listed_runs()
    offers = ("list", "retrieve", "destroy")
    permission = "signals.view"
    permissions = {"destroy": "signals.configure"} | dict.fromkeys(STAGES, "signals.run")
    limits = dict.fromkeys(STAGES, "ingest")
    serializer_class = out.SignalRunOut
    filterset_class = RunFilter
    search_fields = ("run_id",)
    sort_fields = {"started_at": "started_at", "created_at": "created_at"}
    default_sort = "-started_at"
    query_serializer_classes = {"results": PageParameters, "diff": out.RunDiffParameters}

    @extend_schema(responses={202: None})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Remove what the raw tables and marts hold of a run; what was observed stays."""
        super().destroy(request, *args, **kwargs)
        return Response(status=202)

    def delete_row(self, row: Run) -> None:
        """Prune the run."""
        services.prune_run(actor=self.actor, run=row)

    @extend_schema(responses=out.RunGraphOut)
    @action(detail=True)
    def graph(self, request: Request, pk: str) -> Response:
        """Return the nodes and edges of a run."""
        return Response(out.RunGraphOut(graph_of(self.get_object())).data)

    @extend_schema(parameters=[NODE], responses=out.NodeResultsOut)
    @action(detail=True, url_path=r"nodes/(?P<node_id>[A-Za-z0-9_.-]{1,255})/results")
    def results(self, request: Request, pk: str, node_id: str) -> Response:
        """Return the entities of a node with values, z scores, labels and signals."""
        run = self.get_object()
        asked = self.validated_query()
        node = find_node(run, node_id)
        rows = results_page(run, node, after=place_of(request, asked, 2), limit=asked["page_size"] + 1)
        page = page_of(request, asked, rows, lambda some: out.EntityResultOut(some, many=True).data)
        return Response({"node": out.NodeFactsOut(node).data, **page})

    @extend_schema(
        responses={(200, "application/json"): out.RunDiffOut, (200, "text/csv"): OpenApiTypes.BINARY}
    )
    @action(detail=True)
    def diff(self, request: Request, pk: str) -> HttpResponseBase:
        """Return what differs from another run: counts and signals, or all signals as CSV."""
        run = self.get_object()
        asked = self.validated_query()
        against = self._against(run, asked.get("against"))
        kinds = sorted(asked.get("kind") or RunDiffKind.values)
        if asked["format"] == "csv":
            return stream(
                request._request,  # noqa: SLF001 - only Django's own request tells which server it is
                write_diff(all_items(run, against, kinds=kinds)),
                content_type=CSV_TYPE,
                file_name=f"diff-{run.pk}.csv",
            )
        (after,) = place_of(request, asked, 1) or (None,)
        rows = diff_page(run, against, kinds=kinds, after=after, limit=asked["page_size"] + 1)
        page = page_of(request, asked, rows, lambda some: out.RunDiffItemOut(some, many=True).data)
        head = {
            "run": out.CurrentRunOut(run).data,
            "against": out.CurrentRunOut(against).data if against else None,
            "counts": count_kinds(run, against),
        }
        return Response(head | page)

    def _against(self, run: Run, named: uuid.UUID | None) -> Run | None:
        """Return the run to compare with; raises NotFound, and Invalid for one of another graph."""
        if named is None:
            return previous_observed(run)
        found = visible_run(self.actor, named)
        if found.graph_id != run.graph_id or found.pk == run.pk:
            wrong = FieldError("This must be another run of the same graph.", parameter="against")
            raise Invalid(errors=[wrong])
        return found

    @extend_schema(request=out.LoadIn, responses={202: out.StageJobOut})
    @action(detail=True, methods=["post"])
    def load(self, request: Request, pk: str) -> Response:
        """Load the files of a run into the raw tables."""
        run, values = self.get_object(), self.validated(out.LoadIn)
        return self._started(services.start_load(actor=self.actor, run=run, **values))

    @extend_schema(request=out.BuildIn, responses={202: out.StageJobOut})
    @action(detail=True, methods=["post"])
    def build(self, request: Request, pk: str) -> Response:
        """Transform the raw rows of a run by dbt; joins a build that waits."""
        run, values = self.get_object(), self.validated(out.BuildIn)
        return self._started(services.start_build(actor=self.actor, runs=[run], **values))

    @extend_schema(request=out.HydrateIn, responses={202: out.StageJobOut})
    @action(detail=True, methods=["post"])
    def hydrate(self, request: Request, pk: str) -> Response:
        """Make signals of a built run, or say what that would change."""
        run, values = self.get_object(), self.validated(out.HydrateIn)
        facilities = values.pop("facility_id")
        started = services.start_hydration(
            actor=self.actor, run=run, facilities=facilities, trigger=HydrationTrigger.API, **values
        )
        return self._started(started)

    @extend_schema(request=None, responses={202: out.StageJobOut})
    @action(detail=True, methods=["post"])
    def pipeline(self, request: Request, pk: str) -> Response:
        """Take a run from where it stands to its signals."""
        return self._started(services.start_pipeline(actor=self.actor, run=self.get_object()))

    def _started(self, row: Any) -> Response:
        name = "hydration-detail" if isinstance(row, Hydration) else "job-detail"
        location = {"Location": reverse(name, args=[str(row.pk)])}
        return Response(out.StageJobOut(row).data, status=202, headers=location)
