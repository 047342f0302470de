"""Runs: what lies in their folders, what was found there, and the graph that they describe."""

from typing import Any, Self

from django.db import models
from django.db.models import Q

from apps.accounts.models import Organization, User
from apps.accounts.permissions import Actor
from apps.common.db import JobState, JobStatus, Row, status_check
from apps.signals.models.graph import Graph
from apps.signals.states import FindingSeverity, RunStatus

LIVE = Q(status__in=[JobStatus.QUEUED, JobStatus.WAITING, JobStatus.RUNNING])


class RunQuerySet(models.QuerySet["Run"]):
    """Reads of runs."""

    def visible_to(self, actor: Actor) -> Self:
        """Narrow to the actor's organization."""
        return self.filter(organization=actor.organization)

    def in_run_order(self) -> Self:
        """Order as the runs happened, the earliest first."""
        return self.order_by("started_at", "run_id", "revision")


class Run(Row):
    """One run of a graph, at one revision of its files. The job of each stage is a row of its own.

    `run_id` is the name of the folder, `data_period` the first day of the newest month in it.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    graph = models.ForeignKey(Graph, on_delete=models.CASCADE, related_name="runs")
    run_id = models.CharField(max_length=64)
    revision = models.PositiveIntegerField(default=1)
    status = models.TextField(choices=RunStatus.choices, default=RunStatus.WAITING)
    started_at = models.DateTimeField()
    data_period = models.DateField(null=True, blank=True)
    manifest_sha256 = models.CharField(max_length=64, default="", blank=True)
    # Of names, sizes and times, as the last scan saw the folder: two equal scans say that writing has ended.
    scan_sha256 = models.CharField(max_length=64, default="", blank=True)
    taxonomy_hash = models.CharField(max_length=255, default="", blank=True)
    node_count = models.PositiveIntegerField(default=0)
    entity_count = models.PositiveIntegerField(default=0)
    line_count = models.PositiveIntegerField(default=0)
    byte_count = models.BigIntegerField(default=0)
    rejected_count = models.PositiveIntegerField(default=0)
    warning_count = models.PositiveIntegerField(default=0)
    error_code = models.TextField(default="", blank=True)
    error_detail = models.CharField(max_length=500, default="", blank=True)
    superseded_at = models.DateTimeField(null=True, blank=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        db_table = "signals_run"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "graph", "run_id", "revision"], name="signals_run_identity"
            ),
            status_check("signals_run_status", "status", RunStatus),
        ]
        indexes = [
            models.Index(fields=["graph", "-started_at", "-run_id", "-revision"], name="signals_run_by_time"),
            models.Index(fields=["status"], name="signals_run_by_status"),
        ]

    def __str__(self) -> str:
        return f"{self.run_id} r{self.revision}"


class RunPartQuerySet(models.QuerySet[Any]):
    """Reads of what belongs to a run."""

    def visible_to(self, actor: Actor) -> Self:
        """Narrow to the actor's organization."""
        return self.filter(organization=actor.organization)


class RunLoad(Row, JobState):
    """The job that loads a run's files into the raw tables.

    `allowances` is {"accept_validation": bool, "allow_rejected": int}; `rows` counts the
    rows of each raw table.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="loads")
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    allowances = models.JSONField(default=dict)
    # Whether a build and a hydration follow.
    whole_pipeline = models.BooleanField(default=False)
    rows = models.JSONField(default=dict)
    bytes_read = models.BigIntegerField(default=0)

    objects = RunPartQuerySet.as_manager()

    class Meta:
        db_table = "signals_run_load"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "run"], condition=LIVE, name="signals_run_load_live"
            ),
            status_check("signals_run_load_status", "status", JobStatus),
        ]

    def __str__(self) -> str:
        return f"load of {self.run_id}"


class RunFile(Row):
    """One file of a run, by its path in the run's folder."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="files")
    path = models.CharField(max_length=1024)
    role = models.CharField(max_length=40)
    bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64, default="", blank=True)
    lines = models.PositiveIntegerField(default=0)

    objects = RunPartQuerySet.as_manager()

    class Meta:
        db_table = "signals_run_file"
        constraints = [
            models.UniqueConstraint(fields=["organization", "run", "path"], name="signals_run_file_path")
        ]

    def __str__(self) -> str:
        return self.path


class RunFinding(Row):
    """Something noticed in a run, by the gate, the load, dbt or the hydration; equal ones are counted."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="findings")
    severity = models.TextField(choices=FindingSeverity.choices)
    code = models.CharField(max_length=80)
    message = models.CharField(max_length=1_000)
    file = models.CharField(max_length=1024, default="", blank=True)
    line = models.PositiveIntegerField(null=True, blank=True)
    count = models.PositiveIntegerField(default=1)

    objects = RunPartQuerySet.as_manager()

    class Meta:
        db_table = "signals_run_finding"
        constraints = [status_check("signals_run_finding_severity", "severity", FindingSeverity)]
        indexes = [models.Index(fields=["run", "severity"], name="signals_run_finding_by_run")]

    def __str__(self) -> str:
        return self.code


class Node(Row):
    """A node of a run's graph, as hydration found it. `peer_trends` is {periods, p10..p90, sample_sizes}."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="nodes")
    node_id = models.CharField(max_length=255)
    metric_id = models.CharField(max_length=255)
    is_temporal = models.BooleanField()
    display_name = models.CharField(max_length=1024, default="", blank=True)
    comparison_group = models.CharField(max_length=255, default="", blank=True)
    entity_count = models.PositiveIntegerField()
    peer_trends = models.JSONField(null=True, blank=True)

    objects = RunPartQuerySet.as_manager()

    class Meta:
        db_table = "signals_node"
        constraints = [
            models.UniqueConstraint(fields=["organization", "run", "node_id"], name="signals_node_identity")
        ]

    def __str__(self) -> str:
        return self.node_id


class Edge(Row):
    """An edge of a run's graph, from parent to child; `category`: breakdown, temporal, semantic, other."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="edges")
    source = models.CharField(max_length=255)
    target = models.CharField(max_length=255)
    edge_type = models.CharField(max_length=80)
    category = models.CharField(max_length=40)

    objects = RunPartQuerySet.as_manager()

    class Meta:
        db_table = "signals_edge"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "run", "source", "target", "edge_type"], name="signals_edge_identity"
            )
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.edge_type} {self.target}"
