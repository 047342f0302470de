"""What holds for all metrics of one organization."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F
from django.db.models.functions import Cast

from apps.accounts.models import Organization

DAY_S = 86_400


class CounterReading(models.TextChoices):
    """How cumulative counters of the Prometheus door are read."""

    DELTA = "delta", "stored as amounts"
    RAW = "raw", "stored as read"


class Policy(models.Model):
    """Bounds, retention and lanes of an organization; made from the settings when first needed.

    0 days of rollups keep them for ever.
    """

    organization = models.OneToOneField(
        Organization, primary_key=True, on_delete=models.CASCADE, related_name="metrics_policy"
    )
    skew_past_s = models.PositiveIntegerField()
    skew_future_s = models.PositiveIntegerField()
    raw_days = models.PositiveIntegerField()
    rollup_15m_days = models.PositiveIntegerField(default=0)
    rollup_1h_days = models.PositiveIntegerField(default=0)
    max_metrics = models.PositiveIntegerField()
    counter_patterns = ArrayField(models.CharField(max_length=255), default=list, blank=True)
    prometheus_counters = models.TextField(choices=CounterReading.choices, default=CounterReading.DELTA)
    lanes = models.PositiveSmallIntegerField(default=1)

    class Meta:
        db_table = "metrics_policy"
        constraints = [
            # Else a point could be accepted that the next retention run drops.
            models.CheckConstraint(
                condition=models.Q(
                    raw_days__gt=(Cast(F("skew_past_s"), models.IntegerField()) + (DAY_S - 1)) / DAY_S + 1
                ),
                name="metrics_policy_raw_beyond_skew",
            ),
            models.CheckConstraint(condition=models.Q(lanes__range=(1, 1024)), name="metrics_policy_lanes"),
            models.CheckConstraint(
                condition=models.Q(prometheus_counters__in=CounterReading.values),
                name="metrics_policy_prometheus_counters",
            ),
        ]

    def __str__(self) -> str:
        return f"metrics of {self.organization_id}"
