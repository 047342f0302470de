"""Cells without the database: indexing of points, parents, and ten thousand cells as bytes."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import h3.api.basic_int as h3
import numpy as np
import psycopg

from apps.datasets.queries.scopes import Filters
from apps.datasets.queries.selections import Everywhere
from apps.datasets.reading.cells import base_cells, h3_parent
from apps.spatial.boundaries import BOUNDARIES
from apps.spatial.formats import AnswerFormat, encode_answer
from apps.spatial.hexes import HexAnswer, aggregate_hexes, plan_hexes
from apps.spatial.sources import HexQuery, open_sources
from apps.spatial.tiles import Tile, encode_cells
from benchmarks.places_ground import COUNTRY, Ground
from benchmarks.places_peers import postgis
from benchmarks.results import Goal, Row
from benchmarks.stage import Stage

LOOP: Final = "the library, one by one"
DUMPS: Final = "GeoJSON by json.dumps"
POSTGIS: Final = "PostGIS ST_AsMVT"
TILE: Final = (4, 8, 5)
POINTS: Final = 1_000_000
POINTS_QUICK: Final = 50_000
CELLS: Final = 10_000
_AS_MVT: Final = (
    "WITH tile AS (SELECT ST_TileEnvelope(%s, %s, %s) AS box), drawn AS (SELECT h3, count,"
    " ST_AsMVTGeom(geom, box) AS geom FROM cells, tile WHERE geom && box)"
    " SELECT ST_AsMVT(drawn, 'cells') FROM drawn"
)
LIMIT_MS: Final = {AnswerFormat.COLUMNS: 5, AnswerFormat.GEOJSON: 250}


def cell_rows(stage: Stage, ground: Ground) -> Sequence[Row]:
    """Measure indexing and encoding."""
    answer = _answer(ground)
    return [*_indexing(stage), *_encoding(stage, answer), *_tile(stage, answer)]


def _indexing(stage: Stage) -> Sequence[Row]:
    count = POINTS_QUICK if stage.quick else POINTS
    random = np.random.default_rng(1)
    west, south, width, height = COUNTRY
    latitudes = np.round((south + height * random.random(count)) * 1e7).astype(np.int32)
    longitudes = np.round((west + width * random.random(count)) * 1e7).astype(np.int32)
    points = list(zip((latitudes / 1e7).tolist(), (longitudes / 1e7).tolist(), strict=True))
    cells = base_cells(latitudes, longitudes)
    numbers = cells.tolist()
    ours: dict[str, list[float]] = {"points": [], "parents": []}
    theirs: dict[str, list[float]] = {"points": [], "parents": []}
    for _round in range(stage.rounds):
        ours["points"].append(count / timed(lambda: base_cells(latitudes, longitudes)))
        theirs["points"].append(count / timed(lambda: [h3.latlng_to_cell(*point, 11) for point in points]))
        ours["parents"].append(count / timed(lambda: h3_parent(cells, 8)))
        theirs["parents"].append(count / timed(lambda: [h3.cell_to_parent(cell, 8) for cell in numbers]))
    return [
        Row(
            "points to cells",
            "points/s",
            ours["points"],
            {LOOP: theirs["points"]},
            [Goal(LOOP, at_least=0.9)],
        ),
        Row(
            "cells to parents",
            "cells/s",
            ours["parents"],
            {LOOP: theirs["parents"]},
            [Goal(LOOP, at_least=10)],
        ),
    ]


def _tile(stage: Stage, answer: HexAnswer) -> Sequence[Row]:
    """Draw the cells in a tile that holds nearly all of them; PostGIS has their outlines as geometry.

    So have we, of cells that were drawn before: once with them, once without.
    """
    cells, counts = answer.table.cells, answer.table.counts
    tile = Tile.at(*TILE)
    content, drawn = encode_cells(tile, cells, {"count": counts})
    again: list[float] = []
    anew: list[float] = []
    theirs: list[float] = []
    with postgis(stage) as peer:
        if peer is not None:
            _fill(peer, answer)
        for _round in range(stage.rounds):
            again.append(1_000 * timed(lambda: encode_cells(tile, cells, {"count": counts})))
            BOUNDARIES.forget()
            anew.append(1_000 * timed(lambda: encode_cells(tile, cells, {"count": counts})))
            if peer is not None:
                theirs.append(1_000 * timed(lambda: peer.execute(_AS_MVT, TILE).fetchone()))
    what = f"vector tile of {drawn:,} cells drawn before, {len(content) / 1_000:,.0f} kB"
    goals = [Goal(POSTGIS, at_most=1.0)]
    return [
        Row(what, "ms", again, {POSTGIS: theirs}, goals),
        Row("the same of new cells", "ms", anew, {POSTGIS: theirs}, goals),
    ]


def _fill(peer: "psycopg.Connection[tuple[object, ...]]", answer: HexAnswer) -> None:
    """Give PostGIS the cells as polygons in the projection of tiles."""
    peer.execute("CREATE TABLE cells (h3 text, count bigint, geom geometry(Polygon, 3857))")
    rows = [
        (f"{cell:x}", count, _outline(cell))
        for cell, count in zip(answer.table.cells.tolist(), answer.table.counts.tolist(), strict=True)
    ]
    with peer.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO cells VALUES (%s, %s, ST_Transform(ST_GeomFromText(%s, 4326), 3857))", rows
        )
    peer.execute("CREATE INDEX ON cells USING gist (geom)")
    peer.execute("VACUUM ANALYZE cells")


def _outline(cell: int) -> str:
    ring = h3.cell_to_boundary(cell)
    return f"POLYGON(({', '.join(f'{lon!r} {lat!r}' for lat, lon in (*ring, ring[0]))}))"


def _encoding(stage: Stage, answer: HexAnswer) -> Sequence[Row]:
    rows = []
    for form in AnswerFormat:
        ours, theirs = [], []
        for _round in range(stage.rounds):
            ours.append(1_000 * timed(lambda form=form: encode_answer(answer, form)))  # type: ignore[misc]
            if form is AnswerFormat.GEOJSON:
                document = json.loads(encode_answer(answer, form))
                theirs.append(1_000 * timed(lambda document=document: json.dumps(document)))  # type: ignore[misc]
        content = encode_answer(answer, form)
        rows.append(
            Row(
                f"{answer.table.cells.size:,} cells as {form.value}, {len(content) / 1_000:,.0f} kB",
                "ms",
                ours,
                {DUMPS: theirs} if theirs else {},
                [Goal(at_most=LIMIT_MS[form])] if form in LIMIT_MS else [],
            )
        )
    return rows


def _answer(ground: Ground) -> HexAnswer:
    """Return the first cells of the country with their counts."""
    query = HexQuery((ground.dataset.pk,), Everywhere(), {}, Filters(), resolution=7, include=frozenset())
    answer = aggregate_hexes(plan_hexes(query, open_sources(ground.actor, query), 1_000_000))
    table = answer.table
    return replace(answer, table=replace(table, cells=table.cells[:CELLS], counts=table.counts[:CELLS]))


def timed(act: Callable[[], object]) -> float:
    """Return the seconds that an act takes."""
    began_s = time.perf_counter()
    act()
    return time.perf_counter() - began_s
