"""What maps count of themselves at `/metrics`. No label names an organization or a dataset."""

from typing import Final

from prometheus_client import Counter

cells_served: Final = Counter("sextant_spatial_cells_served", "Cells in the answers of map calls.")
tiles: Final = Counter("sextant_spatial_tiles", "Vector tiles, by what they show.", ["shows"])
