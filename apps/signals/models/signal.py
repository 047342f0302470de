"""Signals, and what was observed of each in every run."""

from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models

from apps.accounts.models import Organization
from apps.accounts.permissions import Actor
from apps.common.db import Row
from apps.signals.models.graph import Graph
from apps.signals.models.run import Run, RunFile

# What a person may search for by words.
SEARCHED = ("description", "facility_id", "facility_name", "service_line", "sub_service_line")

# What lists are narrowed, sorted and counted by: in one index, so that to look at all signals of an
# organization is to read a sixth of the bytes of their rows.
FACETS = (
    "id", "graph", "domain", "facility_name", "system_name", "service_line", "sub_service_line", "metric_id",
    "node_id", "groupby_label", "signal_type", "severity", "quality_flags", "classification_agrees",
    "absent_since_run", "variance_percent", "percentile_rank", "encounters", "data_period",
    "first_detected_at", "last_changed_at",
)  # fmt: skip


class SignalQuerySet(models.QuerySet["Signal"]):
    """Reads of signals."""

    def visible_to(self, actor: Actor) -> Self:
        """Narrow to the actor's organization."""
        return self.filter(organization=actor.organization)

    def present(self) -> Self:
        """Leave out what the newest run of its graph no longer holds."""
        return self.filter(absent_since_run__isnull=True)


class Content(models.Model):
    """The content columns of signals.md section 3, in the order of their hash; null means missing.

    `dimensions` is [[name, value], ...] sorted by name, `timeline` [{period, value, encounters}],
    `monthly_z_scores` one z (or null) a month, `anomaly_labels` {method: label}.
    """

    node_id = models.CharField(max_length=255)
    temporal_node_id = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - null: missing
    metric_id = models.CharField(max_length=255)
    domain = models.CharField(max_length=80)
    facility_id = models.TextField(null=True, blank=True)  # noqa: DJ001 - null: missing
    facility_name = models.TextField(null=True, blank=True)  # noqa: DJ001 - null: missing
    system_name = models.TextField(null=True, blank=True)  # noqa: DJ001 - null: missing
    service_line = models.TextField(null=True, blank=True)  # noqa: DJ001 - null: missing
    sub_service_line = models.TextField(null=True, blank=True)  # noqa: DJ001 - null: missing
    dimensions = models.JSONField(default=list)
    groupby_label = models.TextField()
    group_value = models.TextField()
    metric_value = models.FloatField(null=True, blank=True)
    benchmark_value = models.FloatField(null=True, blank=True)
    variance_percent = models.FloatField(null=True, blank=True)
    peer_mean = models.FloatField(null=True, blank=True)
    peer_std = models.FloatField(null=True, blank=True)
    peer_count = models.IntegerField(null=True, blank=True)
    percentile_rank = models.FloatField(null=True, blank=True)
    encounters = models.FloatField(null=True, blank=True)
    simple_z = models.FloatField(null=True, blank=True)
    robust_z = models.FloatField(null=True, blank=True)
    latest_simple_z = models.FloatField(null=True, blank=True)
    latest_robust_z = models.FloatField(null=True, blank=True)
    aggregate_zscore = models.FloatField(null=True, blank=True)
    mean_robust_z = models.FloatField(null=True, blank=True)
    zscore_std = models.FloatField(null=True, blank=True)
    max_excursion = models.FloatField(null=True, blank=True)
    slope = models.FloatField(null=True, blank=True)
    slope_percentile = models.FloatField(null=True, blank=True)
    acceleration = models.FloatField(null=True, blank=True)
    end_start_delta = models.FloatField(null=True, blank=True)
    trend_direction = models.TextField(null=True, blank=True)  # noqa: DJ001 - null: missing
    period_count = models.IntegerField(null=True, blank=True)
    data_period = models.DateField(null=True, blank=True)
    monthly_z_scores = ArrayField(models.FloatField(null=True), null=True, blank=True)
    timeline = models.JSONField(null=True, blank=True)
    anomaly_labels = models.JSONField(null=True, blank=True)
    position = models.TextField(null=True, blank=True)  # noqa: DJ001 - null: missing
    trend = models.TextField(null=True, blank=True)  # noqa: DJ001 - null: missing
    momentum = models.TextField(null=True, blank=True)  # noqa: DJ001 - null: missing
    consistency = models.TextField(null=True, blank=True)  # noqa: DJ001 - null: missing
    has_spike = models.BooleanField(null=True, blank=True)
    signal_type = models.CharField(max_length=40)
    severity = models.SmallIntegerField()
    severity_calculation = models.JSONField()
    reported_type = models.TextField(null=True, blank=True)  # noqa: DJ001 - null: missing
    reported_severity = models.FloatField(null=True, blank=True)
    classification_agrees = models.BooleanField(null=True, blank=True)
    magnitude_tier = models.TextField(null=True, blank=True)  # noqa: DJ001 - null: missing
    trajectory_tier = models.TextField(null=True, blank=True)  # noqa: DJ001 - null: missing
    consistency_tier = models.TextField(null=True, blank=True)  # noqa: DJ001 - null: missing
    polarity = models.CharField(max_length=20)
    quality_flags = ArrayField(models.TextField(), default=list, blank=True)
    rules_version = models.SmallIntegerField()
    description = models.TextField()

    class Meta:
        abstract = True


CONTENT_COLUMNS = tuple(field.name for field in Content._meta.local_fields)  # noqa: SLF001 - Django's own way


class Signal(Row, Content):
    """One entity of one metric in one node, over all runs of its graph; written by hydration alone.

    `parent` is the signal it breaks down, of the nearest breakdown edge.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    signal_key = models.UUIDField()
    graph = models.ForeignKey(Graph, on_delete=models.CASCADE, related_name="signals")
    first_run = models.ForeignKey(Run, null=True, on_delete=models.SET_NULL, related_name="+")
    content_run = models.ForeignKey(Run, null=True, on_delete=models.SET_NULL, related_name="+")
    content_hash = models.BinaryField(max_length=32)
    first_detected_at = models.DateTimeField()
    last_changed_at = models.DateTimeField()
    absent_since_run = models.ForeignKey(
        Run, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    absent_runs = models.PositiveSmallIntegerField(default=0)
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="children"
    )
    child_count = models.PositiveIntegerField(default=0)

    objects = SignalQuerySet.as_manager()

    class Meta:
        db_table = "signals_signal"
        constraints = [
            models.UniqueConstraint(fields=["organization", "signal_key"], name="signals_signal_key")
        ]
        indexes = [
            models.Index(fields=["organization", "severity", "id"], name="signals_by_severity"),
            models.Index(fields=["organization", "first_detected_at", "id"], name="signals_by_detected"),
            models.Index(fields=["organization", "last_changed_at", "id"], name="signals_by_changed"),
            models.Index(fields=["organization", "metric_id", "id"], name="signals_by_metric"),
            models.Index(fields=["organization", "facility_name", "id"], name="signals_by_facility_name"),
            models.Index(fields=["organization", "variance_percent", "id"], name="signals_by_variance"),
            models.Index(fields=["organization", "percentile_rank", "id"], name="signals_by_percentile"),
            models.Index(fields=["organization", "encounters", "id"], name="signals_by_encounters"),
            models.Index(fields=["organization", "facility_id"], include=FACETS, name="signals_by_facets"),
            models.Index(fields=["graph", "node_id"], name="signals_by_node"),
            GinIndex(fields=["dimensions"], name="signals_by_dimensions", opclasses=["jsonb_path_ops"]),
            GinIndex(SearchVector(*SEARCHED, config="simple"), name="signals_by_words"),
        ]

    def __str__(self) -> str:
        return self.description


class ObservationQuerySet(models.QuerySet["Observation"]):
    """Reads of observations."""

    def visible_to(self, actor: Actor) -> Self:
        """Narrow to the actor's organization."""
        return self.filter(organization=actor.organization)


class Observation(Row):
    """What one run said of a signal, and the lines of the files that say it. Stays when the run is pruned."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    signal = models.ForeignKey(Signal, on_delete=models.CASCADE, related_name="observations")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="observations")
    metric_value = models.FloatField(null=True, blank=True)
    benchmark_value = models.FloatField(null=True, blank=True)
    percentile_rank = models.FloatField(null=True, blank=True)
    encounters = models.FloatField(null=True, blank=True)
    simple_z = models.FloatField(null=True, blank=True)
    aggregate_zscore = models.FloatField(null=True, blank=True)
    slope_percentile = models.FloatField(null=True, blank=True)
    signal_type = models.CharField(max_length=40)
    severity = models.SmallIntegerField()
    reported_type = models.TextField(null=True, blank=True)  # noqa: DJ001 - null: missing
    data_period = models.DateField(null=True, blank=True)
    content_hash = models.BinaryField(max_length=32)
    aggregate_file = models.ForeignKey(RunFile, on_delete=models.RESTRICT, related_name="+")
    aggregate_line = models.PositiveIntegerField()
    temporal_file = models.ForeignKey(
        RunFile, null=True, blank=True, on_delete=models.RESTRICT, related_name="+"
    )
    temporal_line = models.PositiveIntegerField(null=True, blank=True)

    objects = ObservationQuerySet.as_manager()

    class Meta:
        db_table = "signals_observation"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "signal", "run"], name="signals_observation_identity"
            )
        ]
        indexes = [models.Index(fields=["run"], name="signals_observation_by_run")]

    def __str__(self) -> str:
        return f"{self.signal_id} in {self.run_id}"
