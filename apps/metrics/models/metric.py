"""Metrics: named series of one organization, with a type that never changes."""

from typing import Self

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.expressions import Func, Value

from apps.accounts.models import Organization
from apps.accounts.permissions import Actor
from apps.common.db import Row, status_check
from apps.metrics.metric_types import MetricType


class MetricQuerySet(models.QuerySet["Metric"]):
    """Reads of metrics."""

    def living(self) -> Self:
        """Leave out the metrics that were deleted."""
        return self.filter(deleted_at__isnull=True)

    def visible_to(self, actor: Actor) -> Self:
        """Narrow to the living metrics of the actor's organization: the wall between organizations."""
        return self.living().filter(organization=actor.organization)


class Metric(Row):
    """A series of points under one key: `name;tag=value`.

    `number` is the short id under which its points are stored, in the shard `shard_id`. A trigger of the
    database refuses changes of identity and type. `door` is where its first point came in.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="metrics")
    number = models.BigIntegerField(
        unique=True,
        editable=False,
        db_default=Func(
            Value("metrics_metric_number_seq"), function="nextval", output_field=models.BigIntegerField()
        ),
    )
    shard_id = models.BigIntegerField(editable=False)
    name = models.CharField(max_length=255)
    tags = models.JSONField(default=dict)
    key = models.TextField(db_collation="C")
    type = models.TextField(choices=MetricType.choices)
    unit = models.CharField(max_length=32, default="", blank=True)
    description = models.CharField(max_length=2000, default="", blank=True)
    raw_days = models.PositiveIntegerField(null=True, blank=True)
    rollup_days = models.PositiveIntegerField(null=True, blank=True)
    door = models.CharField(max_length=20, default="native")
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = MetricQuerySet.as_manager()

    class Meta:
        db_table = "metrics_metric"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "key"],
                condition=models.Q(deleted_at__isnull=True),
                name="metrics_metric_key_unique",
            ),
            status_check("metrics_metric_type", "type", MetricType),
        ]
        indexes = [GinIndex(fields=["tags"], name="metrics_metric_tags")]

    def __str__(self) -> str:
        return self.key
