"""Map tiles: addresses, outlines in tile units, and the encoder of Mapbox vector tiles 2.1.

`encode_cells` draws any table of cells; `encode_layer` is the format alone.
"""

from collections.abc import Mapping
from typing import Final

from apps.datasets.queries import Bools, Floats, Int64s
from apps.datasets.queries.cells import centres
from apps.spatial.formats import h3_texts
from apps.spatial.tiles.addresses import NoSuchTile, Tile
from apps.spatial.tiles.drawing import draw_cells
from apps.spatial.tiles.encoding import Column, encode_layer

__all__ = ["LAYER", "MEDIA_TYPE", "NoSuchTile", "Tile", "encode_cells", "encode_layer"]

LAYER: Final = "cells"
MEDIA_TYPE: Final = "application/vnd.mapbox-vector-tile"


def encode_cells(
    tile: Tile, cells: Int64s, columns: Mapping[str, Int64s | Floats | Bools]
) -> tuple[bytes, int]:
    """Return the tile of some cells and how many are drawn; no bytes without any.

    Each feature has the cell as its id, `h3`, the columns (an element per cell), and `own`: whether the
    cell's centre lies in the tile, which is so in exactly one tile of a zoom.
    """
    drawing = draw_cells(tile, cells)
    chosen = cells[drawing.drawn]
    if not chosen.size:
        return b"", 0
    attributes: dict[str, Column] = {"h3": h3_texts(chosen)}
    attributes |= {name: column[drawing.drawn] for name, column in columns.items()}
    # The library finds centres one by one; those of most cells need no look.
    own = drawing.is_inside.copy()
    own[~own] = tile.holds(*centres(chosen[~own]))
    attributes["own"] = own
    return encode_layer(LAYER, chosen, drawing.rings, attributes), int(chosen.size)
