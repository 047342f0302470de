"""What programs and models reach of forecasts over MCP."""

import datetime as dt
import uuid
from typing import Annotated, Any, Final

import msgspec
from django.urls import reverse

from apps.accounts.permissions import Actor
from apps.common.db import JobStatus
from apps.common.errors import NotFound
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
from apps.spatial.formats import h3_texts
from apps.spatial.models import ForecastModel, Prediction
from apps.spatial.prediction_cells import read_cells
from apps.spatial.queries import listed_models
from apps.spatial.states import ModelState, Period

Share = Annotated[float | None, msgspec.Meta(description="Mean over the periods it was judged by.")]


class ModelsWanted(Arguments):
    """Which models to list."""

    state: ModelState | None = None
    page_size: PageSize = 50
    cursor: CursorText = ""


class ModelFacts(Result):
    """A forecast model: what it forecasts, how it stands, and how good what serves is."""

    id: uuid.UUID
    name: str
    dataset_id: uuid.UUID
    tag: str
    area_id: uuid.UUID | None
    resolution: int
    period: Period
    horizon: int
    categories: list[str]
    state: ModelState
    artifact: int | None
    dataset_version: int | None
    serving_method: Annotated[
        str | None,
        msgspec.Meta(description="boosting, or the baseline that serves because it is not better."),
    ]
    hit_rate_at_5_percent: Share
    pei_at_5_percent: Share
    created_at: Instant
    api_url: str
    uri: str


class ModelPage(Result):
    """One page of models, the newest first."""

    models: list[ModelFacts]
    next_cursor: NextCursor


class ForecastWanted(Arguments):
    """Of which model, and how many of the cells with the most expected."""

    model_id: Annotated[uuid.UUID, msgspec.Meta(description="The model's id.")]
    top: Annotated[int, msgspec.Meta(ge=1, le=1_000, description="How many cells.")] = 20
    step: Annotated[
        int, msgspec.Meta(ge=1, le=12, description="Which of the forecast periods, 1 is the first.")
    ] = 1


class ExpectedCell(Result):
    """What is expected of a cell, with the 80 % interval."""

    h3: str
    expected: float
    lower: float
    upper: float
    baseline: float
    rank: int


class Citation(Result):
    """What a forecast was made from."""

    dataset_id: str
    version: int
    model: str
    artifact: int | None
    method: str


class ForecastFacts(Result):
    """The newest forecast of a model: the cells of one period that rank first."""

    prediction_id: uuid.UUID
    period: Annotated[str, msgspec.Meta(description="The first day of the period.")]
    expected_total: float
    cells: list[ExpectedCell]
    citation: Citation
    created_at: Instant
    api_url: str


def list_models(actor: Actor, wanted: ModelsWanted) -> ModelPage:
    """Return one page of the organization's models."""
    rows = _visible(actor)
    if wanted.state is not None:
        rows = rows.filter(state=wanted.state)
    page, next_cursor = newest_first(rows, cursor=wanted.cursor, page_size=wanted.page_size)
    return ModelPage(models=[facts_of(row) for row in page], next_cursor=next_cursor)


def read_forecast(actor: Actor, wanted: ForecastWanted) -> ForecastFacts:
    """Return the newest forecast of a model; raises NotFound while there is none."""
    model = _visible(actor).filter(pk=wanted.model_id).first()
    if model is None:
        raise NotFound("There is no such model.")
    done = Prediction.objects.visible_to(actor).filter(model=model, status=JobStatus.SUCCEEDED)
    row = done.order_by("-created_at", "-pk").first()
    if row is None:
        raise NotFound("The model has made no forecast yet; POST /api/v1/predictions starts one.")
    return _forecast(row, wanted)


def facts_of(row: ForecastModel) -> ModelFacts:
    """Return a model as tools and the resource show it."""
    metrics: dict[str, Any] = row.artifact.metrics if row.artifact else {}
    serving = metrics.get("methods", {}).get(row.serving_method, {})
    return ModelFacts(
        id=row.pk,
        name=row.name,
        dataset_id=row.dataset_id,
        tag=row.tag,
        area_id=row.area_id,
        resolution=row.resolution,
        period=Period(row.period),
        horizon=row.horizon,
        categories=row.categories,
        state=ModelState(row.state),
        artifact=row.artifact.number if row.artifact else None,
        dataset_version=row.artifact.dataset_version if row.artifact else None,
        serving_method=row.serving_method or None,
        hit_rate_at_5_percent=serving.get("hit_rate", {}).get("5"),
        pei_at_5_percent=serving.get("pei", {}).get("5"),
        created_at=row.created_at,
        api_url=reverse("forecast-model-detail", args=[str(row.pk)]),
        uri=MODEL_RESOURCE.address_of(row.pk),
    )


def _forecast(row: Prediction, wanted: ForecastWanted) -> ForecastFacts:
    periods, summary = row.summary["periods"], row.summary
    if wanted.step > len(periods):
        raise NotFound(f"The forecast has {len(periods)} periods.")
    chosen = periods[wanted.step - 1]
    found = read_cells(row, dt.date.fromisoformat(chosen["period"]), first=wanted.top)
    names = ("expected", "lower", "upper", "baseline", "rank")
    columns = (h3_texts(found.cells), *(found.figures[name].tolist() for name in names))
    return ForecastFacts(
        prediction_id=row.pk,
        period=chosen["period"],
        expected_total=chosen["expected"],
        cells=[
            ExpectedCell(h3=cell, **dict(zip(names, figures, strict=True)))
            for cell, *figures in zip(*columns, strict=True)
        ],
        citation=Citation(
            dataset_id=summary["dataset"],
            version=summary["version"],
            model=summary["model"]["name"],
            artifact=summary["artifact"],
            method=summary["method"],
        ),
        created_at=row.created_at,
        api_url=reverse("prediction-detail", args=[str(row.pk)]),
    )


def _visible(actor: Actor) -> Any:
    return listed_models().visible_to(actor)


MODEL_RESOURCE: Final = Resource(
    app="spatial",
    type="model",
    title="Forecast model",
    description="What is expected of a dataset by cell and period, and how good the forecasts were.",
    permission="spatial.view",
    rows=_visible,
    name_of=lambda row: str(row.name),
    content_of=facts_of,
)
TOOLS: Final[tuple[Tool[Any], ...]] = (
    Tool(
        name="spatial_models",
        title="Forecast models",
        description="List the organization's forecast models with how good they are, the newest first.",
        permission="spatial.view",
        arguments=ModelsWanted,
        result=ModelPage,
        call=list_models,
    ),
    Tool(
        name="spatial_forecast",
        title="Forecast of a model",
        description="Return the newest forecast of a model: the cells where most events are expected.",
        permission="spatial.view",
        arguments=ForecastWanted,
        result=ForecastFacts,
        call=read_forecast,
    ),
)
