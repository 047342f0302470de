"""The pages of forecast models: the registry, one model with its trainings and predictions."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from apps.accounts.pages import PageRequest, page
from apps.datasets.models import Dataset
from apps.spatial.models import Area
from apps.spatial.queries import listed_models
from apps.spatial.states import Method, Period

MODELS_PER_PAGE: Final = 50
RUNS_SHOWN: Final = 10
PREDICTIONS_SHOWN: Final = 10
ARTIFACTS_SHOWN: Final = 6
# The shares of cells that hit rates are given for, and the one that decides which method serves.
SHARES: Final = ("1", "5", "10")
RESOLUTIONS: Final = range(5, 10)


@require_safe
@page("spatial.view")
def model_list(request: PageRequest) -> HttpResponse:
    """Show the organization's forecast models, and the form for a new one to who may train."""
    may_train = request.actor.may("spatial.train")
    models = listed_models().visible_to(request.actor).order_by("name", "id")
    context = {
        "page": Paginator(models, MODELS_PER_PAGE).get_page(request.GET.get("page")),
        "may_train": may_train,
        "datasets": _trainable(request) if may_train else (),
        "areas": Area.objects.visible_to(request.actor).order_by("name") if may_train else (),
        "periods": Period.choices,
        "resolutions": RESOLUTIONS,
    }
    return render(request, "spatial/models.html", context)


@require_safe
@page("spatial.view")
def model_page(request: PageRequest, model_id: uuid.UUID) -> HttpResponse:
    """Show one model: what serves and how good it is beside the baselines, its trainings and predictions."""
    model = get_object_or_404(listed_models().visible_to(request.actor), pk=model_id)
    runs = list(model.runs.select_related("artifact").order_by("-created_at", "-pk")[:RUNS_SHOWN])
    context = {
        "model": model,
        "runs": runs,
        "active_run": next((run for run in runs if run.status in {"queued", "running"}), None),
        "methods": method_rows(model.artifact.metrics) if model.artifact else (),
        "artifacts": model.artifacts.order_by("-number")[:ARTIFACTS_SHOWN],
        "predictions": model.predictions.order_by("-created_at", "-pk")[:PREDICTIONS_SHOWN],
        "may_train": request.actor.may("spatial.train"),
        "may_predict": request.actor.may("spatial.predict"),
        "may_activate": request.actor.may("spatial.activate"),
        "may_delete": request.actor.may("spatial.delete"),
    }
    return render(request, "spatial/model.html", context)


@dataclass(frozen=True, slots=True)
class MethodRow:
    """One row of the evaluation table; `hit_rates` are the shares hit in 1, 5 and 10 % of the cells."""

    name: str
    serves: bool
    hit_rates: tuple[float | None, ...]
    pei: float | None
    deviance: float | None
    mae: float | None
    coverage: float | None

    @property
    def curve(self) -> str:
        """Return the hit rates as points of a line chart 100 wide and 40 high, from 0 % of the cells."""
        known = [(0.0, 0.0), *zip((10.0, 50.0, 100.0), self.hit_rates, strict=True)]
        return " ".join(f"{x:.0f},{40 - 40 * y:.1f}" for x, y in known if y is not None)


def method_rows(metrics: Mapping[str, Any]) -> list[MethodRow]:
    """Return the methods of an artifact's metrics, the best PEI at 5 % first."""
    labels = dict(Method.choices)
    rows = [
        MethodRow(
            name=labels.get(method, method),
            serves=method == metrics["serving_method"],
            hit_rates=tuple(found["hit_rate"][share] for share in SHARES),
            pei=found["pei"]["5"],
            deviance=found["deviance"],
            mae=found["mae"],
            coverage=found["coverage"],
        )
        for method, found in metrics.get("methods", {}).items()
    ]
    return sorted(rows, key=lambda row: (-(row.pei or 0.0), row.name))


def _trainable(request: PageRequest) -> Any:
    datasets = Dataset.objects.visible_to(request.actor)
    return datasets.filter(current_version__isnull=False).order_by("name", "id")
