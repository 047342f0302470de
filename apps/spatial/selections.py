"""Selections as the API takes them: text to checked values."""

from collections.abc import Sequence
from typing import Any, Final

import h3.api.basic_int as h3

from apps.common.errors import FieldError, Invalid
from apps.datasets.queries.cells import BASE_RESOLUTION, COARSEST_RESOLUTION
from apps.datasets.queries.polygons import Polygons, plain_geometry
from apps.datasets.queries.selections import Box, Descendants, Everywhere, Selection
from apps.spatial.models import Area

EDGES: Final = 4


class SelectionInvalid(Invalid):
    """The selection is not a possible one.

    Take one of: `bbox=west,south,east,north` in degrees; `area`, the id of an area; `cell` with H3 cells, not
    finer than the resolution; `polygon` in a body, a GeoJSON Polygon or MultiPolygon of at most 10,000
    vertices; none for everything.
    """

    code = "spatial.selection_invalid"


def parse_selection(
    bbox: str | None,
    cells: Sequence[str],
    resolution: int | None,
    *,
    area: Area | None = None,
    polygon: Any = None,
) -> tuple[Selection, dict[str, Any]]:
    """Return the selection and how an answer repeats it; raises SelectionInvalid."""
    kinds = {
        "bbox": bbox is not None,
        "cell": cells,
        "area": area is not None,
        "polygon": polygon is not None,
    }
    chosen = [name for name, is_chosen in kinds.items() if is_chosen]
    if len(chosen) > 1:
        raise _invalid(chosen[0], f"Select by {chosen[0]} or by {chosen[1]}, not by both.")
    if bbox is not None:
        box = parse_box(bbox)
        return box, {"bbox": [box.west, box.south, box.east, box.north]}
    if cells:
        roots = [parse_cell(text, finest=resolution) for text in cells]
        unique = tuple(dict.fromkeys(roots))
        return Descendants(unique), {"cell": [h3.int_to_str(root) for root in unique]}
    if area is not None:
        return parse_polygon(area.polygon), {"area": str(area.pk)}
    if polygon is not None:
        return parse_polygon(polygon), {"polygon": plain_geometry(polygon)}
    return Everywhere(), {}


def parse_polygon(geometry: Any) -> Polygons:
    """Return the selection of a GeoJSON Polygon or MultiPolygon; raises SelectionInvalid."""
    try:
        return Polygons.from_geojson(geometry)
    except ValueError as error:
        raise _invalid("polygon", f"This is no polygon to select by: {error}.") from error


def parse_box(text: str) -> Box:
    """Return the box of `west,south,east,north`; raises SelectionInvalid."""
    try:
        edges = [float(part) for part in text.split(",")]
    except ValueError:
        edges = []
    if len(edges) != EDGES:
        raise _invalid("bbox", "Write four numbers: west,south,east,north.")
    try:
        return Box.from_degrees(*edges)
    except ValueError as error:
        raise _invalid("bbox", f"{text} is no box: {error}.") from error


def parse_cell(text: str, *, finest: int | None = None) -> int:
    """Return the cell of a hexadecimal H3 index; raises SelectionInvalid, also for one over `finest`."""
    try:
        cell = int(h3.str_to_int(text))
        is_cell = h3.is_valid_cell(cell)
    except (ValueError, OverflowError):
        is_cell = False
    if not is_cell:
        raise _invalid("cell", f"{text} is no H3 cell.")
    resolution = h3.get_resolution(cell)
    limit = BASE_RESOLUTION if finest is None else finest
    if resolution > limit:
        raise _invalid("cell", f"{text} has resolution {resolution}, finer than {limit}.")
    return cell


def resolution_of(cell: int, asked: int | None) -> int:
    """Return a cell's resolution; raises SelectionInvalid if it is not served or not the one asked for."""
    resolution = int(h3.get_resolution(cell))
    if resolution < COARSEST_RESOLUTION:
        raise _invalid("cell", f"Cells are served from resolution {COARSEST_RESOLUTION} on.")
    if asked is not None and asked != resolution:
        raise _invalid("resolution", f"The cell has resolution {resolution}, not {asked}.")
    return resolution


def _invalid(parameter: str, detail: str) -> SelectionInvalid:
    return SelectionInvalid(detail, errors=[FieldError(detail, parameter=parameter)])
