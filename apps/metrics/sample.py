"""The metrics of the sample organization: two weeks of a shop, the same ones each time."""

import datetime as dt
from dataclasses import dataclass
from typing import Final

import numpy as np

from apps.accounts.models import Organization
from apps.common.errors import DomainError
from apps.metrics.metric_types import MetricType
from apps.metrics.models import Metric
from apps.metrics.points.batch import DAY_US, SECOND_US, Instants, Parsed, PointBatch, Values
from apps.metrics.points.names import canonical_key
from apps.metrics.recording import Submission, write_group

DAYS: Final = 14
STEP_US: Final = 300 * SECOND_US
SEED: Final = 1965
HOSTS: Final = ("web-1", "web-2", "web-3")
REGIONS: Final = ("eu", "us")


@dataclass(frozen=True, slots=True)
class Series:
    """One sample metric: its daily rhythm around a level, and how far it scatters."""

    key: str
    type: MetricType
    unit: str
    level: float
    swing: float
    scatter: float


def sample_series() -> list[Series]:
    """Return the 24 sample metrics."""
    found = []
    for host in HOSTS:
        tags = {"host": host}
        found += [
            Series(canonical_key("system.cpu", tags), MetricType.VALUE, "percent", 38, 22, 5),
            Series(canonical_key("system.memory", tags), MetricType.VALUE, "percent", 61, 6, 1.5),
            Series(canonical_key("http.latency", tags), MetricType.VALUE, "ms", 84, 30, 18),
            Series(canonical_key("http.requests", tags), MetricType.COUNTER, "requests", 900, 640, 60),
            Series(canonical_key("http.errors", tags), MetricType.COUNTER, "requests", 4, 3, 2),
        ]
    for region in REGIONS:
        tags = {"region": region}
        found += [
            Series(canonical_key("shop.orders", tags), MetricType.COUNTER, "orders", 24, 18, 5),
            Series(canonical_key("shop.revenue", tags), MetricType.VALUE, "EUR", 41, 9, 12),
            Series(canonical_key("shop.carts", tags), MetricType.VALUE, "carts", 130, 80, 14),
        ]
    return [
        *found,
        Series("queue.depth", MetricType.VALUE, "jobs", 14, 9, 6),
        Series("queue.oldest", MetricType.VALUE, "s", 8, 5, 4),
        Series("mail.sent", MetricType.COUNTER, "mails", 31, 25, 6),
    ]


def make_sample(organization: Organization, *, now: dt.datetime) -> None:
    """Write two weeks of points for an organization that has no metrics yet."""
    if Metric.objects.living().filter(organization=organization).exists():
        return
    now_us = int(now.timestamp()) * SECOND_US
    series = sample_series()
    batch = _batch(series, now_us // STEP_US * STEP_US)
    submission = Submission(organization.pk, Parsed(batch, (), len(batch)), "sample", now_us)
    (outcome,) = write_group([submission])
    if isinstance(outcome, DomainError):
        raise outcome
    for each in series:
        Metric.objects.filter(organization=organization, key=each.key).update(unit=each.unit)


def _batch(series: list[Series], end_us: int) -> PointBatch:
    times = np.arange(end_us - DAYS * DAY_US, end_us, STEP_US, dtype=np.int64)
    random = np.random.default_rng(SEED)
    values = [_values(each, times, random) for each in series]
    return PointBatch(
        keys=[each.key for each in series],
        types=[each.type for each in series],
        key_index=np.repeat(np.arange(len(series), dtype=np.int32), len(times)),
        times=np.tile(times, len(series)),
        values=np.concatenate(values),
    )


def _values(series: Series, times: Instants, random: np.random.Generator) -> Values:
    """Return a day's rhythm, quieter weekends, noise and an hour of trouble; counters in whole numbers."""
    hours = times % DAY_US / (3_600 * SECOND_US)
    rhythm = np.sin((hours - 9) / 24 * 2 * np.pi)
    is_weekend = (times // DAY_US + 3) % 7 >= 5  # noqa: PLR2004 - 1970-01-01 was a Thursday
    values = series.level + series.swing * rhythm * np.where(is_weekend, 0.5, 1.0)
    values += random.normal(0, series.scatter, len(times))
    trouble = slice(len(times) - 60, len(times) - 48)
    values[trouble] += series.swing
    floor = 1.0 if series.type is MetricType.COUNTER else 0.0
    values = np.maximum(values, floor)
    digits = 0 if series.type is MetricType.COUNTER else 2
    return np.round(values, digits) + 0.0
