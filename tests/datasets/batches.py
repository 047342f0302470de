"""Batches of made-up events for tests of storage; deterministic by seed."""

from typing import Any

import h3.api.numpy_int as h3
import numpy as np
import pyarrow as pa

from apps.datasets.reading.rows import Events

CATEGORIES = ["theft", "burglary", "noise"]


def make_events(count: int, *, seed: int = 1, with_gaps: bool = True) -> Events:
    """Return events around London; with gaps every third value, label and external id is missing."""
    random = np.random.default_rng(seed)
    lat_e7 = random.integers(514_000_000, 516_000_000, count).astype(np.int32)
    lon_e7 = random.integers(-2_000_000, 0, count).astype(np.int32)
    points = zip(lat_e7.tolist(), lon_e7.tolist(), strict=True)
    numbers = np.arange(count)
    gap = (numbers % 3 == 0) & with_gaps
    labels: Any = pa.array((numbers % 2).astype(np.int32), mask=gap)
    kinds: Any = pa.array((numbers % 3).astype(np.int32))
    zeros = np.zeros(count, np.int64)
    return Events(
        occurred_us=random.integers(1_600_000_000_000_000, 1_700_000_000_000_000, count),
        precision=(numbers % 4).astype(np.int16),
        lat_e7=lat_e7,
        lon_e7=lon_e7,
        cell=np.array([h3.latlng_to_cell(lat / 1e7, lon / 1e7, 11) for lat, lon in points], np.int64),
        value=np.where(gap, np.nan, numbers / 7),
        category=pa.DictionaryArray.from_arrays(kinds, pa.array(CATEGORIES)),
        label=pa.DictionaryArray.from_arrays(labels, pa.array(["a", "b"])),
        external_id=pa.array([None if g else f"id-{n}" for n, g in enumerate(gap)], pa.string()),
        properties=pa.array([f'{{"n":{n}}}' for n in numbers], pa.string()),
        file_no=np.ones(count, np.int32),
        line=(numbers + 2).astype(np.int64),
        line_end=(numbers + 2).astype(np.int64),
        record=(numbers + 1).astype(np.int64),
        byte_offset=zeros,
        byte_length=zeros,
    )
