"""What is studied: events of a version by cell and whole period, and the cells the study is about."""

from dataclasses import dataclass
from typing import Final

import h3.api.basic_int as h3
import numpy as np

from apps.common.errors import Conflict
from apps.datasets.models import Dataset, Version
from apps.datasets.queries import Int64s
from apps.datasets.queries.panels import count_panel, read_coverage
from apps.datasets.queries.scopes import Filters, Scope, open_scope
from apps.datasets.queries.selections import Box
from apps.datasets.queries.terms import load_vocabularies
from apps.datasets.queries.timeline import Bucket
from apps.spatial.forecasting.calendar import whole_periods
from apps.spatial.forecasting.panel import (
    MAX_CELLS,
    MAX_ROWS,
    Counts,
    Panel,
    PanelTooLarge,
    make_panel,
    occupied_with_ring,
)
from apps.spatial.hexes import reading_events
from apps.spatial.models import Area, ForecastModel
from apps.spatial.selections import parse_polygon
from apps.spatial.sources import CategoryUnknown, NotReady
from apps.spatial.states import Period

# The box of an area may hold so many times the cells that the area does.
BOX_MARGIN: Final = 20


class DatasetGone(Conflict):
    """The model's dataset was deleted.

    What it was trained on stays written on its artifacts, but nothing new can be computed.
    """

    code = "datasets.gone"


@dataclass(frozen=True, slots=True)
class Study:
    """Events of one version by cell and whole period; `unplaced` ones are coarser than a period."""

    counts: Counts
    unplaced: int


def studied_version(dataset: Dataset) -> Version:
    """Return the version that is read now; raises DatasetGone, NotReady."""
    if dataset.deleted_at is not None:
        raise DatasetGone(f"The dataset {dataset.name} was deleted.")
    if dataset.current_version is None:
        raise NotReady(f"The dataset {dataset.name} has no version yet.")
    return dataset.current_version


def read_study(model: ForecastModel, version: Version) -> Study:
    """Return what a version holds for a model; raises CategoryUnknown, PanelTooLarge, TooExpensive.

    Three or four queries.
    """
    dataset = version.dataset
    period, bucket = Period(model.period), Bucket(model.period)
    everything, scope = _scopes(dataset, version, tuple(model.categories))
    with reading_events():
        coverage = read_coverage(everything, bucket)
        found = count_panel(scope, model.resolution, bucket, max_groups=MAX_ROWS + 1)
    if found.cell.size > MAX_ROWS:
        raise PanelTooLarge
    starts = whole_periods(coverage.first, coverage.end, period) if coverage else ()
    return Study(Counts.of_days(starts, found.cell, found.day, found.count), found.unplaced)


def study_panel(model: ForecastModel, study: Study, first: int) -> Panel:
    """Return the panel of the cells that are studied from `first` on; raises PanelTooLarge."""
    cells = study_cells(model, study, first)
    return make_panel(study.counts, cells, Period(model.period), is_bounded=model.area is not None)


def study_cells(model: ForecastModel, study: Study, first: int) -> Int64s:
    """Return the cells of the area, else those occupied before the period `first` and their ring, ascending.

    Raises PanelTooLarge.
    """
    if model.area is not None:
        return area_cells(model.area, model.resolution)
    return occupied_with_ring(study.counts.before(first).cell)


def area_cells(area: Area, resolution: int) -> Int64s:
    """Return the cells whose centre lies in the area, ascending; raises PanelTooLarge."""
    if Box.from_degrees(*area.box).estimate(resolution) > BOX_MARGIN * MAX_CELLS:
        raise PanelTooLarge(f"The area {area.name} is too large for cells of resolution {resolution}.")
    # The fill may miss cells at edges and holes: a ring more, then the exact test of the centres.
    filled = h3.geo_to_cells(area.polygon, resolution)
    near = occupied_with_ring(np.array(sorted(filled), np.int64))
    return near[parse_polygon(area.polygon).contains(near)]


def _scopes(dataset: Dataset, version: Version, categories: tuple[str, ...]) -> tuple[Scope, Scope]:
    """Return the scopes of all events and of those of the categories; raises CategoryUnknown."""
    vocabulary = load_vocabularies([dataset.no])[dataset.no]
    unknown = set(categories) - set(vocabulary.categories.values())
    if unknown:
        raise CategoryUnknown(f"There is no category {min(unknown)!r}.")
    everything = open_scope(dataset, version, Filters(), vocabulary)
    if not categories:
        return everything, everything
    return everything, open_scope(dataset, version, Filters(categories=categories), vocabulary)
