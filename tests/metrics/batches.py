"""Batches for tests, written down as rows."""

from collections.abc import Sequence

import numpy as np

from apps.metrics.metric_types import MetricType
from apps.metrics.points.batch import Parsed, PointBatch

# Key, time in microseconds, value.
PointRow = tuple[str, int, float]


def batch_of(rows: Sequence[PointRow], kind: MetricType | None = MetricType.VALUE) -> PointBatch:
    """Return the batch of some rows, whose metrics are all of one type."""
    keys = list(dict.fromkeys(key for key, _at, _value in rows))
    return PointBatch(
        keys=keys,
        types=[kind] * len(keys),
        key_index=np.array([keys.index(key) for key, _at, _value in rows], dtype=np.int32),
        times=np.array([at for _key, at, _value in rows], dtype=np.int64),
        values=np.array([value for _key, _at, value in rows], dtype=np.float64),
    )


def parsed(rows: Sequence[PointRow], kind: MetricType | None = MetricType.VALUE) -> Parsed:
    """Return the same as a parser would."""
    return Parsed(batch_of(rows, kind), (), len(rows))
