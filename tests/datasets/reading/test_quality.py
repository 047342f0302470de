"""The quality report: counts, spans, shares, warnings and the score."""

import io
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from apps.datasets.reading.duplicates import duplicates_under
from apps.datasets.reading.inspection import inspect_table
from apps.datasets.reading.mapping import Mapping
from apps.datasets.reading.quality import PointCensus, QualityReport
from apps.datasets.reading.rows import Events, Int32s
from tests.datasets.reading.tables import HEADER, mapping, read, read_batches


def report(
    *rows: str, policy: str = "keep_all", rules: Mapping | None = None, block_bytes: int = 1 << 20
) -> QualityReport:
    table = "\n".join([",".join(HEADER), *rows, ""]).encode()
    found, duplicates = QualityReport(), duplicates_under(policy)
    found.add_file(1, inspect_table(io.BytesIO(table), len(table)))
    for batch in read_batches(table, mapping=rules or mapping(), block_bytes=block_bytes):
        found.add_valid(batch)
        found.add_kept(duplicates.apply(batch))
    return found


ROWS = (
    "2023-05-01,51.5,-0.1,a,1,e1,x",
    "2023-05-02,51.6,-0.2,b,2.5,e2,x",
    "2023-05-02,51.6,-0.2,b,2.5,e2,x",
    "2023-05,51.7,-0.3,b,,,y",
    "",
    "2023-05-03,-122.4,37.7,a,,,",
    "2023-05-03,0,0,a,,,",
    "x,51.5,-0.1,a,,,",
)


@pytest.mark.parametrize("block_bytes", [64, 1 << 20])
def test_everything_is_counted_once(block_bytes: int) -> None:
    shown = report(*ROWS, policy="exact", block_bytes=block_bytes).to_json()
    assert [shown[key] for key in ("rows_read", "accepted", "rejected", "duplicates", "blank_lines")] == [
        7,
        3,
        3,
        1,
        1,
    ]
    assert {(code["code"], code["column"]): code["n"] for code in shown["codes"]} == {
        ("coordinate_out_of_range", "lat"): 1,
        ("coordinate_sentinel", "lat"): 1,
        ("timestamp_invalid", "time"): 1,
        ("duplicate", None): 1,
    }
    assert shown["fields"]["value"] == {"missing": 1, "min": 1.0, "max": 2.5}
    assert shown["fields"]["external_id"] == {"missing": 1, "distinct": 2}
    assert shown["fields"]["category"] == {"missing": 0, "distinct": 2}
    assert shown["fields"]["latitude"] == {"missing": 0, "min": 51.5, "max": 51.7}
    assert shown["precision"] == {"instant": 0, "day": 2 / 3, "month": 1 / 3, "year": 0}
    assert (shown["swapped_share"], shown["null_islands"], shown["sentinels"]) == (1.0, 1, 0)
    assert shown["duplicates_by_policy"] == {
        "keep_all": 0, "exact": 1, "occurrence": 0, "external_id_first": 1, "external_id_last": 1,
    }  # fmt: skip
    assert shown["files"][0]["dialect"]["delimiter"] == ","
    assert shown["files"][0]["encoding"] == {"name": "utf-8", "reason": "valid_utf8"}


def test_the_score_is_the_share_accepted_less_ten_for_each_kind_of_warning() -> None:
    rows = [f"2023-05-01,51.{n},-0.1,a,,," for n in range(10, 40)]
    assert report(*rows).score() == 100
    future = report(*rows, "2030-01-01,51.5,-0.2,a,,,")
    assert (future.warnings(), future.score()) == ({"in_future": 1}, 90)
    future.warn("category_defaulted", 31)
    assert future.score() == 80
    assert report("x,51.5,-0.1,a,,,").score() == 0
    assert report().score() == 0


def test_12_200_identical_points_are_reported_only() -> None:
    found = report(
        *["2023-05-01,51.5,-0.1,a,,,"] * 200, *(f"2023-05-01,51.{n},-0.1,a,,," for n in range(100, 200))
    )
    shown = found.to_json()
    assert (shown["accepted"], found.warnings()) == (300, {"stacked_points": 200})
    assert shown["stacked_points"]["distinct"] == 101
    assert shown["stacked_points"]["top"][0] == {"latitude": 51.5, "longitude": -0.1, "n": 200}
    assert len(shown["stacked_points"]["top"]) == 20


def test_swapped_axes_are_suspected_over_half_of_the_rows_out_of_range() -> None:
    rows = [f"2023-05-01,-122.{n},37.7,a,,," for n in range(10, 13)] + ["2023-05-01,200,200,a,,,"] * 2
    assert report(*rows).warnings() == {"swapped_suspected": 3}
    assert report(*rows, "2023-05-01,200,200,a,,,").warnings() == {}


def test_points_seen_once_are_forgotten_past_the_limit() -> None:
    census = PointCensus(most_points=5)
    rows = ["2023-05-01,51.5,-0.1,a,,,"] * 3 + [f"2023-05-01,51.{n},-0.1,a,,," for n in range(10, 20)]
    census.add(read("\n".join([",".join(HEADER), *rows]).encode()).events)
    assert census.to_json() == {"distinct": None, "top": [{"latitude": 51.5, "longitude": -0.1, "n": 3}]}


def at_points(latitudes: Int32s) -> Events:
    """Return events that have nothing but a place."""
    times = np.zeros(len(latitudes), np.int64)
    return replace(Events.empty(), occurred_us=times, lat_e7=latitudes, lon_e7=latitudes)


def test_points_are_counted_alike_however_they_come() -> None:
    latitudes = np.random.default_rng(5).integers(-300, 300, 4_000).astype(np.int32)
    whole, parts = PointCensus(), PointCensus()
    whole.add(at_points(latitudes))
    for part in np.array_split(latitudes, 37):
        parts.add(at_points(part))
        assert parts.most == np.unique(latitudes[: parts.rows], return_counts=True)[1].max()
    assert parts.to_json() == whole.to_json()
    assert whole.to_json()["distinct"] == len(np.unique(latitudes))


def test_counting_points_takes_little_more_memory_than_what_is_kept() -> None:
    count, kept_bytes = 800_000, 16
    census = PointCensus()
    events = [at_points(part) for part in np.array_split(np.arange(count, dtype=np.int32), 8)]
    tracemalloc.start()
    try:
        for each in events:
            census.add(each)
            assert census.most == 1
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * kept_bytes * count
