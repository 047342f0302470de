"""The model card: what a reader of forecasts must know about where they come from."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Final

from apps.spatial.forecasting.panel import Panel
from apps.spatial.models import ForecastModel
from apps.spatial.training.studies import Study

PACKAGES: Final = ("h3", "numpy", "scikit-learn")
SHOWN: Final = ("hit_rate", "pai", "pei", "deviance", "mae", "bias", "coverage")
LIMITS: Final = (
    "Recorded counts by place and calendar are all that is known; what is not recorded is not foreseen.",
    "Forecasts are of places, never of people; nothing about a person is an input.",
    "Intervals are 80 % of a negative binomial distribution whose dispersion past forecasts showed.",
    "Cells that were never occupied, nor beside an occupied one, are not forecast without an area.",
)
FEEDBACK: Final = (
    "Acting on a forecast changes what is recorded where: more attention to a cell records more events in"
    " it, which the next training takes for more events. Judge by data that do not depend on the forecast."
)


def make_card(
    model: ForecastModel, dataset_version: int, study: Study, panel: Panel, metrics: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the card as JSON."""
    starts = panel.starts
    return {
        "data": {
            "dataset": str(model.dataset_id),
            "version": dataset_version,
            "zone": model.dataset.zone,
            "categories": sorted(model.categories),
            "events": int(panel.total.sum()),
            "unplaced_events": study.unplaced,
        },
        "window": {
            "period": model.period,
            "first": starts[0].isoformat(),
            "last": starts[-1].isoformat(),
            "periods": len(starts),
        },
        "area": {
            "name": model.area.name if model.area else None,
            "resolution": model.resolution,
            "cells": int(panel.cells.size),
        },
        "metrics": {
            method: {name: found[name] for name in SHOWN} for method, found in metrics["methods"].items()
        },
        "better": metrics["better"],
        "serving_method": metrics["serving_method"],
        "limits": list(LIMITS),
        "feedback": FEEDBACK,
    }


def package_versions() -> dict[str, str]:
    """Return the versions of what shaped the numbers."""
    return {name: version(name) for name in PACKAGES}
