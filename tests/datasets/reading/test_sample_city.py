"""The synthetic city: the same bytes for a seed, flaws in known numbers, and a shape worth looking at."""

import hashlib
import io
from collections import Counter

import numpy as np
import pytest

from apps.datasets.reading.cells import h3_parent
from apps.datasets.reading.mapping import Mapping
from apps.datasets.reading.rows import Events
from apps.datasets.reading.sample_city import FLAWS, sample_city
from apps.datasets.reading.suggestion import suggest_mapping
from tests.datasets.reading.known_data import counts, inspect, read_files, read_under


def city(**options: int) -> bytes:
    stream = io.StringIO(newline="")
    sample_city(stream, **options)
    return stream.getvalue().encode()


@pytest.fixture(scope="module")
def table() -> bytes:
    return city()


@pytest.fixture(scope="module")
def mapping(table: bytes) -> Mapping:
    suggestion = suggest_mapping([inspect(table)])
    assert suggestion.is_decided
    assert suggestion.mapping
    return suggestion.mapping


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(table: bytes) -> None:
    assert hashlib.sha256(city()).digest() == hashlib.sha256(table).digest()
    assert city(rows=2_000, seed=8) != city(rows=2_000)


def test_auto_maps_every_field(mapping: Mapping) -> None:
    assert {
        name: getattr(field, "column", None) or field.to_json() for name, field in mapping.fields.items()
    } == {
        "timestamp": {"column": "occurred_at", "formats": ["iso"]},
        "latitude": "latitude",
        "longitude": "longitude",
        "category": "category",
        "value": "severity",
        "external_id": "id",
    }


def test_the_default_city_reconciles(table: bytes, mapping: Mapping) -> None:
    batches = list(read_files([table], mapping, "UTC"))
    assert counts(batches) == (60_000, 59_700, 300, 0)
    assert Counter(reject.code for batch in batches for reject in batch.rejects) == dict.fromkeys(FLAWS, 30)


def test_repeated_ids_are_duplicates_by_id(table: bytes, mapping: Mapping) -> None:
    assert counts(read_under("external_id_first", [table], mapping, "UTC")) == (60_000, 59_640, 300, 60)
    assert counts(read_under("exact", [table], mapping, "UTC")) == (60_000, 59_700, 300, 0)


def test_weeks_days_and_hot_cells_have_a_shape(table: bytes, mapping: Mapping) -> None:
    events = Events.concat([batch.events for batch in read_files([table], mapping, "UTC")])
    seconds = events.occurred_us // 1_000_000
    hours = np.bincount((seconds // 3_600) % 24)
    assert hours[18] > 5 * hours[4]
    weekdays = np.bincount((seconds // 86_400 + 3) % 7)
    assert weekdays[5] > 1.3 * weekdays[0]
    cells = Counter(h3_parent(events.cell, 8).tolist())
    assert sum(n for _, n in cells.most_common(3)) > 0.15 * len(events)
    months = np.unique(seconds.astype("datetime64[s]").astype("datetime64[M]"))
    assert len(months) == 24
