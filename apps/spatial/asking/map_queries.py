"""From the typed query to the call of the map that answers it, and that call's address."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode

import h3.api.basic_int as h3

from apps.accounts.permissions import Actor
from apps.common.errors import NotFound
from apps.common.serializers import rfc3339
from apps.datasets.models import Dataset
from apps.datasets.queries.scopes import Filters
from apps.datasets.queries.windows import Window
from apps.spatial.asking.asked import DEFAULT_RESOLUTION, AskedQuery, Measure, Place, PlaceKind
from apps.spatial.asking.circles import CELLS_MAX, circle_cells, circle_resolution
from apps.spatial.asking.parsing import refusal
from apps.spatial.models import Area
from apps.spatial.selections import parse_cell, parse_selection
from apps.spatial.sources import HexQuery

PATHS: Final = {Measure.TREND: "/api/v1/timeline"}
PATH: Final = "/api/v1/hexes"


@dataclass(frozen=True, slots=True)
class Where:
    """A place as the map takes it, and at which resolution."""

    bbox: str | None = None
    cells: tuple[str, ...] = ()
    area: Area | None = None
    resolution: int = DEFAULT_RESOLUTION
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MapCall:
    """A question of the map: what answers it here, and the parameters that ask the same over HTTP."""

    path: str
    query: HexQuery
    parameters: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]

    @property
    def address(self) -> str:
        """Return path and query of the call."""
        return f"{self.path}?{urlencode(self.parameters)}"

    def at(self, resolution: int) -> "MapCall":
        """Return the same call at another resolution."""
        others = tuple(pair for pair in self.parameters if pair[0] != "resolution")
        return replace(
            self,
            query=replace(self.query, resolution=resolution),
            parameters=(*others, ("resolution", str(resolution))),
        )


def map_call(actor: Actor, asked: AskedQuery, dataset: Dataset) -> MapCall:
    """Return the call that answers a typed query.

    Raises SelectionInvalid, QuestionRefused, NotFound for an area that is gone. One query for an area.
    """
    where = _where(actor, asked)
    selection, echo = parse_selection(where.bbox, where.cells, where.resolution, area=where.area)
    filters = Filters(
        window=Window(asked.when.start, asked.when.end),
        categories=asked.categories,
        hours=asked.hours,
        weekdays=asked.weekdays,
    )
    query = HexQuery(
        dataset_ids=(dataset.pk,),
        selection=selection,
        echo=echo,
        filters=filters,
        resolution=where.resolution,
        include=frozenset({"value"}) if asked.measure is Measure.AVERAGE else frozenset(),
    )
    return MapCall(
        PATHS.get(asked.measure, PATH), query, tuple(_parameters(asked, dataset, where)), where.notes
    )


def _where(actor: Actor, asked: AskedQuery) -> Where:
    place = asked.place
    resolution = asked.resolution or DEFAULT_RESOLUTION
    if place is None:
        return Where(resolution=resolution)
    if place.kind is PlaceKind.AREA:
        area = Area.objects.visible_to(actor).filter(pk__in=[place.area_id]).first()
        if area is None:
            raise NotFound(f"There is no area {place.area} any more.")
        return Where(area=area, resolution=resolution)
    if place.kind is PlaceKind.BBOX:
        return Where(bbox=",".join(f"{number:.10g}" for number in place.numbers), resolution=resolution)
    if place.kind is PlaceKind.CELL:
        own = int(h3.get_resolution(parse_cell(place.cell)))
        return Where(cells=(place.cell,), resolution=asked.resolution or max(own, DEFAULT_RESOLUTION))
    return _circle(place, asked.resolution)


def _circle(place: Place, asked: int | None) -> Where:
    """Return the cells of a circle; without a resolution the nearest to the default that can tell it."""
    latitude, longitude = place.numbers
    radius_m = place.radius_m or 0.0
    resolution = asked or circle_resolution(latitude, longitude, radius_m, DEFAULT_RESOLUTION)
    cells = resolution and circle_cells(latitude, longitude, radius_m, resolution)
    if cells is None or resolution is None:
        raise refusal(f"The circle takes more than {CELLS_MAX} cells; name a coarser resolution.")
    if not cells:
        raise refusal("No cell has its centre in so small a circle; name a wider one.")
    note = f"The circle is told by cells of resolution {resolution}."
    notes = () if resolution == (asked or DEFAULT_RESOLUTION) else (note,)
    return Where(cells=tuple(h3.int_to_str(cell) for cell in cells), resolution=resolution, notes=notes)


def _parameters(asked: AskedQuery, dataset: Dataset, where: Where) -> list[tuple[str, str]]:
    found: list[tuple[str, Any]] = [("dataset", dataset.pk)]
    if asked.bucket is not None:
        found.append(("bucket", asked.bucket.value))
    found += [("category", name) for name in asked.categories]
    found += [(name, moment_text(moment)) for name, moment in _window(asked) if moment is not None]
    if asked.hours is not None:
        found += [("hour_from", asked.hours[0]), ("hour_to", asked.hours[1])]
    found += [("weekday", day) for day in asked.weekdays]
    found += [("bbox", where.bbox)] if where.bbox is not None else []
    found += [("area", where.area.pk)] if where.area is not None else []
    found += [("cell", cell) for cell in where.cells]
    return [(name, str(value)) for name, value in [*found, ("resolution", where.resolution)]]


def moment_text(moment: dt.date | dt.datetime) -> str:
    """Return a moment as the API takes it."""
    return rfc3339(moment) if isinstance(moment, dt.datetime) else moment.isoformat()


def _window(asked: AskedQuery) -> Sequence[tuple[str, dt.date | dt.datetime | None]]:
    return ("from", asked.when.start), ("to", asked.when.end)
