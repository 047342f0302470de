"""The body of `spatial.predict`: what an artifact expects of the periods after an origin, cell by cell."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from zoneinfo import ZoneInfo

import h3.api.basic_int as h3
import numpy as np
from django.db import connection, transaction

from apps.common.errors import Conflict, Invalid
from apps.common.jobs import Run
from apps.common.serializers import rfc3339
from apps.datasets.models import Version
from apps.datasets.queries import Bools, Int64s
from apps.datasets.queries.selections import Everywhere
from apps.datasets.queries.windows import day_start
from apps.spatial.forecasting.artifact import Learned
from apps.spatial.forecasting.calendar import next_start, period_of
from apps.spatial.forecasting.outlook import Outlook, look_ahead
from apps.spatial.forecasting.panel import MIN_HISTORY, HistoryTooShort, connected_groups, make_panel
from apps.spatial.forecasting.scoring import DECIDING, SHARES, top_number
from apps.spatial.models import Area, ForecastModel, Prediction, PredictionCell
from apps.spatial.selections import parse_selection
from apps.spatial.states import Method, Period
from apps.spatial.training.artifact_files import load_learned
from apps.spatial.training.studies import Study, read_study, studied_version

PANEL_DONE: Final = 0.5
OUTLOOK_DONE: Final = 0.8
AREAS_SHOWN: Final = 20
COPY: Final = (
    "COPY spatial_prediction_cell (prediction_id, h3, period_start, expected, lower, upper, baseline, rank)"
    " FROM STDIN"
)


class SelectionEmpty(Invalid):
    """None of the cells that the model forecasts is selected.

    An empty selection never means everything; leave the selection out for that.
    """

    code = "spatial.selection_empty"


class OriginInvalid(Invalid):
    """The origin lies after the first period that the data do not cover.

    What comes before it must be known.
    """

    code = "spatial.origin_invalid"


class ModelGone(Conflict):
    """The model was deleted before its forecast was made."""

    code = "spatial.model_gone"


@dataclass(frozen=True, slots=True)
class Forecast:
    """What was made: the outlooks of the selected cells, their method and baseline."""

    method: Method
    baseline: Method
    outlooks: list[Outlook]


def selected(selection: dict[str, Any] | None, model: ForecastModel, cells: Int64s) -> Bools:
    """Tell for each cell whether it is selected, all without a selection; raises SelectionEmpty.

    selection: one of `bbox`, four numbers; `cell`, H3 cells; `area`, the id of one of the organization's;
    `polygon`, GeoJSON. Raises SelectionInvalid. One query for an area.
    """
    if selection is None:
        return np.ones(cells.size, np.bool_)
    box = selection.get("bbox")
    text = ",".join(str(edge) for edge in box) if box is not None else None
    named = selection.get("cell", [])
    area = None
    if "area" in selection:
        area = Area.objects.filter(organization=model.organization_id, pk=selection["area"]).first()
    polygon = selection.get("polygon")
    chosen, _ = parse_selection(text, named, model.resolution, area=area, polygon=polygon)
    kept = chosen.contains(cells)
    if isinstance(chosen, Everywhere) or not kept.any():
        raise SelectionEmpty
    return kept


def predict(run: Run[Prediction]) -> None:
    """Forecast, and end the run with the cells written or not at all."""
    row, model, artifact = run.row, run.row.model, run.row.artifact
    if model is None or artifact is None:
        raise ModelGone
    version = studied_version(model.dataset)
    learned = load_learned(artifact)
    study = read_study(model, version)
    run.progress(PANEL_DONE, stage="panel")
    forecast = look(row, model, learned, study)
    run.progress(OUTLOOK_DONE, stage="outlook")
    keep(run, version, forecast, learned)


def look(row: Prediction, model: ForecastModel, learned: Learned, study: Study) -> Forecast:
    """Return the forecast; raises HistoryTooShort, OriginInvalid, SelectionEmpty."""
    parameters, period = row.parameters, Period(model.period)
    origin, end = origin_of(parameters.get("origin"), study.counts.starts, period)
    panel = make_panel(study.counts.before(end), learned.cells, period, is_bounded=model.area is not None)
    kept = selected(parameters.get("selection"), model, learned.cells)
    method, baseline = Method(learned.facts["serving_method"]), Method(learned.facts["baseline"])
    outlooks = look_ahead(
        panel,
        origin,
        parameters["horizon"],
        learned.forest,
        method=method,
        baseline=baseline,
        dispersions=learned.facts["dispersions"],
    )
    return Forecast(method, baseline, [outlook.of_cells(kept) for outlook in outlooks])


def origin_of(asked: str | None, starts: tuple[date, ...], period: Period) -> tuple[date, int]:
    """Return the first period to forecast, by default the one after the data, and how many lie before it.

    Raises HistoryTooShort for fewer than eight before it, OriginInvalid.
    """
    if len(starts) < MIN_HISTORY:
        raise HistoryTooShort(f"The data hold {len(starts)} whole periods; {MIN_HISTORY} are needed.")
    following = next_start(starts[-1], period)
    if asked is None:
        return following, len(starts)
    origin = period_of(date.fromisoformat(asked), period)
    if origin > following:
        raise OriginInvalid(f"The data reach to {following}; the origin can be no later.")
    end = sum(start < origin for start in starts)
    if end < MIN_HISTORY:
        raise HistoryTooShort(f"{end} whole periods lie before the origin; {MIN_HISTORY} are needed.")
    return origin, end


@transaction.atomic
def keep(run: Run[Prediction], version: Version, forecast: Forecast, learned: Learned) -> None:
    """Write the cells and end the run."""
    row = run.row
    zone = ZoneInfo(version.dataset.zone)
    # What an earlier attempt may have left is written again.
    PredictionCell.objects.filter(prediction=row).delete()
    with connection.cursor() as cursor, cursor.copy(COPY) as copy:
        for outlook in forecast.outlooks:
            start = day_start(outlook.start, zone)
            for cell in _rows(outlook):
                copy.write_row((row.pk, cell[0], start, *cell[1:]))
    run.succeed(
        stage="done",
        dataset_version=version.number,
        method=forecast.method,
        summary=summarise(row, version, forecast, learned),
    )


def summarise(row: Prediction, version: Version, forecast: Forecast, learned: Learned) -> dict[str, Any]:
    """Return what a reader sees first: citation, totals by period, top cells, top areas, importance."""
    zone = ZoneInfo(version.dataset.zone)
    model, artifact = row.model, row.artifact
    first = forecast.outlooks[0]
    return {
        "dataset": str(version.dataset_id),
        "version": version.number,
        "model": {"id": str(row.model_id), "name": model.name if model else None},
        "artifact": artifact.number if artifact else None,
        "method": str(forecast.method),
        "baseline": str(forecast.baseline),
        "better": bool(learned.facts["card"]["better"]),
        "resolution": learned.facts["resolution"],
        "period": learned.facts["period"],
        "cells": int(first.cells.size),
        "periods": [
            {
                "period": outlook.start.isoformat(),
                "start": rfc3339(day_start(outlook.start, zone)),
                "expected": float(outlook.expected.sum()),
                "baseline": float(outlook.baseline.sum()),
            }
            for outlook in forecast.outlooks
        ],
        "top": _top_cells(first, row.parameters["top"]),
        "areas": _top_areas(first),
        "importance": learned.facts["importance"],
    }


def _top_cells(outlook: Outlook, number: int) -> list[dict[str, Any]]:
    """Return the first cells of the first period by rank."""
    names = ("expected", "lower", "upper", "baseline", "rank")
    return [
        {"h3": h3.int_to_str(cell), **dict(zip(names, figures, strict=True))}
        for cell, *figures in sorted(_rows(outlook), key=lambda row: int(row[-1]))[:number]
    ]


def _top_areas(outlook: Outlook) -> list[dict[str, Any]]:
    """Return the groups of neighbouring cells among the first 5 % of the first period, the fullest first."""
    number = top_number(outlook.cells.size, SHARES[DECIDING])
    top = outlook.rank <= number
    expected = dict(zip(outlook.cells[top].tolist(), outlook.expected[top].tolist(), strict=True))
    groups = connected_groups(list(expected))
    groups.sort(key=lambda group: -sum(expected[cell] for cell in group))
    return [
        {
            "cells": [h3.int_to_str(cell) for cell in group],
            "expected": sum(expected[cell] for cell in group),
        }
        for group in groups[:AREAS_SHOWN]
    ]


def _rows(outlook: Outlook) -> Sequence[tuple[Any, ...]]:
    """Return cell, expected, lower, upper, baseline and rank of each cell."""
    columns = (
        outlook.cells, outlook.expected, outlook.lower, outlook.upper, outlook.baseline, outlook.rank,
    )  # fmt: skip
    return list(zip(*(column.tolist() for column in columns), strict=True))
