"""The real files give exactly the figures of places-maps.md section 8."""

from collections import Counter
from datetime import UTC, datetime

import numpy as np
import pytest

from apps.datasets.reading.cells import h3_parent, occupied
from apps.datasets.reading.duplicates import DuplicateCensus
from apps.datasets.reading.mapping import Mapping
from apps.datasets.reading.rows import Batch, Events
from tests.datasets.reading.known_data import (
    EARTHQUAKES,
    counts,
    london_files,
    needs_data,
    read_files,
    read_under,
)

pytestmark = needs_data
MONTHS = [45, 58, 59, 56, 27, 63, 68, 92, 95, 71, 71, 92]
CRIMES = Mapping.from_json(
    {
        "fields": {
            "timestamp": {"column": "Month"},
            "latitude": {"column": "Latitude"},
            "longitude": {"column": "Longitude"},
            "category": {"column": "Crime type"},
            "external_id": {"column": "Crime ID"},
        }
    }
)


def quakes(*formats: str) -> Mapping:
    return Mapping.from_json(
        {
            "fields": {
                "timestamp": {"column": "Date", "formats": list(formats)},
                "latitude": {"column": "Latitude"},
                "longitude": {"column": "Longitude"},
                "category": {"constant": "event"},
                "value": {"column": "Magnitude"},
            }
        }
    )


@pytest.fixture(scope="module")
def london() -> list[Batch]:
    return list(read_files(london_files(), CRIMES, "Europe/London"))


@pytest.fixture(scope="module")
def earthquakes() -> list[Batch]:
    return list(read_files([EARTHQUAKES.read_bytes()], quakes("%m/%d/%Y", "iso"), "UTC"))


def events_of(batches: list[Batch]) -> Events:
    return Events.concat([batch.events for batch in batches])


@pytest.mark.parametrize("fast_path", [True, False])
@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("keep_all", (9_298, 8_501, 797, 0)),
        ("occurrence", (9_298, 8_501, 797, 0)),
        ("exact", (9_298, 8_413, 797, 88)),
        ("external_id_first", (9_298, 8_357, 797, 144)),
        ("external_id_last", (9_298, 8_357, 797, 144)),
    ],
)
def test_london_under_every_policy(policy: str, expected: tuple[int, ...], fast_path: bool) -> None:
    assert (
        counts(read_under(policy, london_files(), CRIMES, "Europe/London", fast_path=fast_path)) == expected
    )


def test_london_loaded_twice_by_occurrence_adds_nothing(london: list[Batch]) -> None:
    again = read_under("occurrence", london_files(), CRIMES, "Europe/London", primed_with=london)
    assert counts(again) == (9_298, 0, 797, 8_501)


def test_the_census_of_london_knows_all_policies(london: list[Batch]) -> None:
    census = DuplicateCensus()
    for batch in london:
        census.add(batch.events)
    expected = {
        "keep_all": 0,
        "exact": 88,
        "occurrence": 0,
        "external_id_first": 144,
        "external_id_last": 144,
    }
    assert census.counts() == expected


def test_london_rejects_by_month(london: list[Batch]) -> None:
    rejects = [reject for batch in london for reject in batch.rejects]
    assert {reject.code.value for reject in rejects} == {"coordinate_missing"}
    by_file = Counter(reject.file_no for reject in rejects)
    assert [by_file[number] for number in range(1, 13)] == MONTHS
    first = {number: min(r.line or 0 for r in rejects if r.file_no == number) for number in (1, 10, 12)}
    assert first == {1: 676, 10: 782, 12: 753}
    rows = Counter[int]()
    for batch in london:
        rows[int(batch.events.file_no[0])] += batch.rows_read
    assert [rows[n] for n in range(1, 13)] == [719, 783, 709, 738, 774, 759, 726, 765, 784, 851, 847, 843]


def test_london_events(london: list[Batch]) -> None:
    events = events_of(london)
    categories = Counter(events.category.to_pylist())
    assert len(categories) == 14
    assert categories.most_common(4) == [
        ("Other theft", 2_085),
        ("Violence and sexual offences", 1_468),
        ("Theft from the person", 1_220),
        ("Shoplifting", 910),
    ]
    assert categories["Burglary"] == 323
    assert events.external_id.null_count == 356
    points = Counter(zip(events.lat_e7.tolist(), events.lon_e7.tolist(), strict=True))
    assert len(points) == 349
    assert points.most_common(1) == [((515_168_690, -811_130), 368)]
    assert set(events.precision.tolist()) == {2}
    assert occupied(np.sort(events.cell)) == [3, 3, 3, 8, 19, 50, 120, 243, 328]
    assert largest(events, 8, 1) == [("88194ad305fffff", 2_016)]
    assert largest(events, 9, 3) == [
        ("89194ad30c7ffff", 820),
        ("89194ad301bffff", 558),
        ("89194ad304bffff", 550),
    ]
    assert largest(events, 10, 1) == [("8a194ad30c47fff", 448)]


def largest(events: Events, resolution: int, most: int) -> list[tuple[str, int]]:
    cells = Counter(h3_parent(events.cell, resolution).tolist())
    return [(f"{cell:x}", n) for cell, n in cells.most_common(most)]


def test_london_windows(london: list[Batch]) -> None:
    events = events_of(london)
    kinds = np.array(events.category.to_pylist())
    month = (events.occurred_us // 1_000_000).astype("datetime64[s]")
    march = (month >= np.datetime64("2023-03-01")) & (month < np.datetime64("2023-03-31T23:00"))
    october = (month >= np.datetime64("2023-09-30T23:00")) & (month < np.datetime64("2023-11-01"))
    assert np.count_nonzero(march) == 650
    assert np.count_nonzero(march & (kinds == "Burglary")) == 24
    assert np.count_nonzero(october & (kinds == "Shoplifting")) == 112


def test_earthquakes(earthquakes: list[Batch]) -> None:
    events = events_of(earthquakes)
    assert counts(earthquakes) == (23_412, 23_412, 0, 0)
    assert Counter(events.precision.tolist()) == {1: 23_409, 0: 3}
    assert (events.lat_e7.min(), events.lat_e7.max()) == (-770_800_000, 860_050_000)
    assert (events.lon_e7.min(), events.lon_e7.max()) == (-1_799_970_000, 1_799_980_000)
    first, last = (
        datetime.fromtimestamp(at / 1e6, UTC).date()
        for at in (events.occurred_us.min(), events.occurred_us.max())
    )
    assert (first.isoformat(), last.isoformat()) == ("1965-01-02", "2016-12-30")
    assert (events.value.min(), events.value.max(), round(events.value.mean(), 8)) == (5.5, 9.1, 5.88253075)
    assert occupied(np.sort(events.cell)) == [
        3_530,
        8_383,
        15_480,
        21_035,
        22_921,
        23_331,
        23_392,
        23_406,
        23_406,
    ]
    cells = h3_parent(events.cell, 3)
    assert np.count_nonzero(cells == 0x837686FFFFFFFFF) == 169
    near = np.count_nonzero(events.lon_e7 >= 1_790_000_000), np.count_nonzero(events.lon_e7 <= -1_790_000_000)
    assert sorted(near) == [190, 379]
    assert np.count_nonzero(events.lat_e7 >= 800_000_000) == 32
    year = (events.occurred_us // 1_000_000).astype("datetime64[s]").astype("datetime64[Y]")
    assert np.count_nonzero(year == np.datetime64("2011")) == 713


def test_exact_duplicates_of_earthquakes_name_the_line_that_is_kept() -> None:
    batches = read_under("exact", [EARTHQUAKES.read_bytes()], quakes("%m/%d/%Y", "iso"), "UTC")
    assert counts(batches) == (23_412, 23_410, 0, 2)
    assert [(r.line, r.kept_line) for b in batches for r in b.rejects] == [(1_851, 1_850), (7_968, 7_963)]
    table = EARTHQUAKES.read_bytes().splitlines(keepends=True)
    assert [r.raw for b in batches for r in b.rejects] == [table[1_850], table[7_967]]


@pytest.mark.parametrize("fast_path", [True, False])
def test_one_format_alone_leaves_three_earthquakes(fast_path: bool) -> None:
    batches = list(read_files([EARTHQUAKES.read_bytes()], quakes("%m/%d/%Y"), "UTC", fast_path=fast_path))
    assert counts(batches) == (23_412, 23_409, 3, 0)
    found = [(r.code.value, r.line) for b in batches for r in b.rejects]
    assert found == [("timestamp_invalid", line) for line in (3_380, 7_514, 20_652)]
