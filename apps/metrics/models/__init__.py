"""The tables of metrics.

Under Citus shard, segments, chunks, rollups, statistics and days are distributed by shard_id and co-located;
metric and policy stay on the coordinator. No foreign key leads from one group to the other.
"""

from apps.metrics.metric_types import MetricType
from apps.metrics.models.metric import Metric
from apps.metrics.models.policy import Policy
from apps.metrics.models.shard import MetricStat, PointChunk, PointSegment, Rollup, Shard, ShardDay

__all__ = [
    "Metric",
    "MetricStat",
    "MetricType",
    "PointChunk",
    "PointSegment",
    "Policy",
    "Rollup",
    "Shard",
    "ShardDay",
]
