"""Shards and what they hold; made by migration, written by `storage` only.

A shard is the storage of one organization, or of one of its lanes. Instants of points are microseconds since
1970, those of bookkeeping are timestamps. `number` is that of a metric.
"""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Shard(models.Model):
    """One shard: its lease, and the numbers that fence its compaction and its process caches.

    `epoch` grows with every change of what is stored, `catalog_version` when a metric is deleted, restored or
    changed. The pending figures are as of the last look of the clock; segments are the truth.
    """

    shard_id = models.BigIntegerField(primary_key=True)
    organization_id = models.UUIDField(db_index=True)
    lane = models.PositiveSmallIntegerField(default=0)
    epoch = models.BigIntegerField(default=0)
    catalog_version = models.BigIntegerField(default=0)
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    pending_points = models.BigIntegerField(default=0)
    pending_since = models.DateTimeField(null=True, blank=True)
    compacted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "metrics_shard"

    def __str__(self) -> str:
        return str(self.shard_id)


class PointSegment(models.Model):
    """The points of one commit, as they came in: one row, whatever their number. Compaction removes it."""

    pk = models.CompositePrimaryKey("shard_id", "id")
    shard_id = models.BigIntegerField()
    id = models.BigIntegerField()
    received_at = models.DateTimeField()
    point_count = models.IntegerField()
    min_at = models.BigIntegerField()
    max_at = models.BigIntegerField()
    min_number = models.BigIntegerField()
    max_number = models.BigIntegerField()
    idempotency_key = models.BinaryField(null=True)
    payload = models.BinaryField()

    class Meta:
        managed: ClassVar[bool] = False
        db_table = "metrics_point_segment"

    def __str__(self) -> str:
        return f"{self.shard_id}-{self.id}"


class PointChunk(models.Model):
    """Points of one metric and UTC day; several parts until they are merged. Partitioned by day."""

    pk = models.CompositePrimaryKey("shard_id", "number", "day", "part")
    shard_id = models.BigIntegerField()
    number = models.BigIntegerField()
    day = models.DateField()
    part = models.BigIntegerField()
    level = models.SmallIntegerField()
    point_count = models.IntegerField()
    min_value = models.FloatField()
    max_value = models.FloatField()
    first_at = models.BigIntegerField()
    last_at = models.BigIntegerField()
    payload = models.BinaryField()

    class Meta:
        managed: ClassVar[bool] = False
        db_table = "metrics_point_chunk"

    def __str__(self) -> str:
        return f"{self.number} {self.day} {self.part}"


class Rollup(models.Model):
    """What is known of one metric in one bucket of 900 or 3,600 s: a function of the set of its points.

    `start_at` is microseconds since 1970. Partitioned by month.
    """

    pk = models.CompositePrimaryKey("shard_id", "number", "width_s", "start_at")
    shard_id = models.BigIntegerField()
    number = models.BigIntegerField()
    width_s = models.SmallIntegerField()
    start_at = models.BigIntegerField()
    point_count = models.BigIntegerField()
    sum_parts = ArrayField(models.FloatField())
    min = models.FloatField()
    max = models.FloatField()
    first = models.FloatField()
    last = models.FloatField()
    first_at = models.BigIntegerField()
    last_at = models.BigIntegerField()
    sketch = models.BinaryField()

    class Meta:
        managed: ClassVar[bool] = False
        db_table = "metrics_rollup"

    def __str__(self) -> str:
        return f"{self.number} {self.width_s} {self.start_at}"


class MetricStat(models.Model):
    """The ends of a metric as of the last compaction."""

    pk = models.CompositePrimaryKey("shard_id", "number")
    shard_id = models.BigIntegerField()
    number = models.BigIntegerField()
    first_at = models.BigIntegerField()
    last_at = models.BigIntegerField()
    last_value = models.FloatField()
    last_received_at = models.DateTimeField()

    class Meta:
        managed: ClassVar[bool] = False
        db_table = "metrics_metric_stat"

    def __str__(self) -> str:
        return str(self.number)


class ShardDay(models.Model):
    """How many points of a UTC day lie in chunks; `epoch` is that of the last compaction that touched it."""

    pk = models.CompositePrimaryKey("shard_id", "day")
    shard_id = models.BigIntegerField()
    day = models.DateField()
    epoch = models.BigIntegerField()
    point_count = models.BigIntegerField()

    class Meta:
        managed: ClassVar[bool] = False
        db_table = "metrics_shard_day"

    def __str__(self) -> str:
        return f"{self.shard_id} {self.day}"
