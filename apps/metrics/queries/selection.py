"""Which metrics a query is about, and how they make series."""

import unicodedata
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.db.models import F, Q

from apps.accounts.permissions import Actor
from apps.common.errors import Invalid, NotFound
from apps.metrics.metric_types import MetricType
from apps.metrics.models import Metric
from apps.metrics.queries.patterns import matching

MAX_GROUP_TAGS: Final = 4


class MixedTypes(Invalid):
    """Counters and values do not make one series.

    Narrow the query to metrics of one type, or group by a tag that tells them apart.
    """

    code = "metrics.mixed_types"


class MetricUnknown(NotFound):
    """There is no such metric.

    A metric is named by its whole key: its name, then its tags in order.
    """

    code = "metrics.metric_unknown"


@dataclass(frozen=True, slots=True)
class ChosenMetric:
    """A metric of a query; rollup rows of 0 days are kept for ever."""

    id: uuid.UUID
    number: int
    shard_id: int
    key: str
    type: MetricType
    unit: str
    tags: Mapping[str, str]
    raw_days: int
    rollup_15m_days: int


@dataclass(frozen=True, slots=True)
class ChosenSeries:
    """Metrics that make one series; `group` has the values of the tags it is grouped by, None for none."""

    metrics: Sequence[ChosenMetric]
    group: Mapping[str, str | None] | None
    is_named: bool

    @property
    def type(self) -> MetricType:
        """Return the type of all the metrics."""
        return self.metrics[0].type

    @property
    def unit(self) -> str:
        """Return the unit of the metrics, empty where they differ."""
        units = {metric.unit for metric in self.metrics}
        return units.pop() if len(units) == 1 else ""


def choose_metrics(actor: Actor, names: Sequence[str], patterns: Sequence[str]) -> list[ChosenMetric]:
    """Return the metrics of these keys, and those that match any of the patterns, by key. One query.

    Raises MetricUnknown for a key that there is not, InvalidPattern.
    """
    names = [canonical(name) for name in names]
    visible = Metric.objects.visible_to(actor)
    found = visible.none()
    if names:
        found = visible.filter(Q(key__in=names))
    if patterns:
        found = matching(visible, patterns, also=names)
    chosen = [_chosen(row) for row in found.order_by("key").values_list(*_COLUMNS)]
    missing = set(names) - {metric.key for metric in chosen}
    if missing:
        raise MetricUnknown(f"There is no metric {min(missing)!r}.")
    return chosen


def chosen_metric(metric: Metric) -> ChosenMetric:
    """Return a metric as queries take it. One query."""
    return _chosen(Metric.objects.filter(pk=metric.pk).values_list(*_COLUMNS).get())


def canonical(key: str) -> str:
    """Return a key as it is stored: NFC, its tags in order; what is no key stays as it is."""
    name, *tags = unicodedata.normalize("NFC", key).split(";")
    return ";".join([name, *sorted(tags, key=lambda tag: tag.partition("=")[0])])


def make_series(
    metrics: Sequence[ChosenMetric], names: Sequence[str], group_by: Sequence[str] | None
) -> list[ChosenSeries]:
    """Return one series a metric, or one for each combination of values of the tags; no tags make one of all.

    Raises MixedTypes.
    """
    named = frozenset(map(canonical, names))
    if group_by is None:
        return [ChosenSeries((metric,), None, metric.key in named) for metric in metrics]
    groups: dict[tuple[str | None, ...], list[ChosenMetric]] = {}
    for metric in metrics:
        groups.setdefault(tuple(metric.tags.get(tag) for tag in group_by), []).append(metric)
    made = []
    for values, members in groups.items():
        if len({member.type for member in members}) > 1:
            raise MixedTypes
        is_named = any(member.key in named for member in members)
        made.append(ChosenSeries(members, dict(zip(group_by, values, strict=True)), is_named))
    return made


_COLUMNS: Final = (
    "id",
    "number",
    "shard_id",
    "key",
    "type",
    "unit",
    "tags",
    "raw_days",
    "rollup_days",
    F("organization__metrics_policy__raw_days"),
    F("organization__metrics_policy__rollup_15m_days"),
)


def _chosen(row: Sequence[Any]) -> ChosenMetric:
    metric_id, number, shard_id, key, metric_type, unit, tags, *days = row
    raw_days, rollup_days, policy_raw, policy_15m = days
    if policy_raw is None:  # the policy is made with the first point
        policy_raw, policy_15m = settings.METRICS_RAW_DAYS, settings.METRICS_ROLLUP_15M_DAYS
    return ChosenMetric(
        id=metric_id,
        number=number,
        shard_id=shard_id,
        key=key,
        type=MetricType(metric_type),
        unit=unit,
        tags=tags,
        raw_days=policy_raw if raw_days is None else raw_days,
        rollup_15m_days=policy_15m if rollup_days is None else rollup_days,
    )
