"""The endpoints of metrics and of modeling."""

from typing import Any, Final

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.errors import NotFound
from apps.common.viewsets import ResourceViewSet
from apps.signals.api import modeling_serializers as out
from apps.signals.api.keyset import page_of, place_of
from apps.signals.api.narrative_serializers import ChoicePageParameters, ChoiceParameters
from apps.signals.models import Run
from apps.signals.queries.choices import chosen_run, chosen_runs
from apps.signals.queries.metrics import metric_page
from apps.signals.queries.modeling import (
    Chosen,
    ModelingSummary,
    best_experiment,
    drivers_of,
    experiment_page,
    summarize,
)

METRIC = OpenApiParameter("metric_id", str, OpenApiParameter.PATH)
GROUPS_MAX: Final = 200


class SignalMetricViewSet(ResourceViewSet[Run]):
    """The metrics whose values signals are about."""

    queryset = Run.objects.all()
    permission = "signals.view"
    serializer_class = out.SignalMetricOut
    query_serializer_classes = {"metrics": ChoicePageParameters, "metric": ChoiceParameters}

    @extend_schema(responses=out.SignalMetricPageOut)
    def metrics(self, request: Request) -> Response:
        """Return the metrics of a run, or of the current ones, by id."""
        asked = self.validated_query()
        rows = metric_page(self._runs(asked), after=place_of(request, asked, 2), limit=asked["page_size"] + 1)
        return Response(page_of(request, asked, rows, lambda page: self.answer(page, many=True)))

    @extend_schema(parameters=[METRIC], responses=out.SignalMetricOut)
    def metric(self, request: Request, metric_id: str) -> Response:
        """Return a metric, of several graphs that have it the one with the lowest id of its run."""
        found = metric_page(self._runs(self.validated_query()), after=None, limit=1, only=metric_id)
        if not found:
            raise NotFound
        return Response(out.SignalMetricOut(found[0]).data)

    def _runs(self, asked: dict[str, Any]) -> Any:
        return chosen_runs(self.actor, run=asked.get("run"), graph=asked.get("graph"))


class ModelingViewSet(ResourceViewSet[Run]):
    """Models trained on a run's data."""

    queryset = Run.objects.all()
    permission = "signals.view"
    serializer_class = out.ExperimentOut
    query_serializer_classes = {
        "summary": out.RunParameters,
        "experiments": out.ExperimentParameters,
        "drivers": out.DriverParameters,
    }

    @extend_schema(responses=out.ModelingSummaryOut)
    def summary(self, request: Request) -> Response:
        """Return how many experiments there are, and the best of each group."""
        run = chosen_run(self.actor, run=self.validated_query().get("run"))
        summary = summarize(run.pk, groups_max=GROUPS_MAX) if run else ModelingSummary()
        return Response(out.ModelingSummaryOut({"run": run, "summary": summary}).data)

    @extend_schema(responses=out.ExperimentPageOut)
    def experiments(self, request: Request) -> Response:
        """Return the experiments of a run in the order of their file."""
        asked = self.validated_query()
        run = chosen_run(self.actor, run=asked.get("run"))
        (after,) = place_of(request, asked, 1) or (-1,)
        limit = asked["page_size"] + 1
        rows = experiment_page(_chosen(run, asked), after=after, limit=limit) if run else []
        return Response(page_of(request, asked, rows, lambda page: self.answer(page, many=True)))

    @extend_schema(responses=out.ModelDriversOut)
    def drivers(self, request: Request) -> Response:
        """Return what drives the predictions of the best experiment among those chosen."""
        asked = self.validated_query()
        run = chosen_run(self.actor, run=asked.get("run"))
        best = best_experiment(_chosen(run, asked)) if run else None
        drivers = drivers_of(run.pk, best, top_n=asked["top_n"]) if run and best else []
        return Response(out.ModelDriversOut({"run": run, "experiment": best, "drivers": drivers}).data)


def _chosen(run: Run, asked: dict[str, Any]) -> Chosen:
    return Chosen(run.pk, asked.get("estimator"), asked.get("group"))
