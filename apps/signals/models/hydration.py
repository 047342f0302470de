"""Hydrations: from mart rows to signals, and what each did."""

from typing import Any, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models

from apps.accounts.models import Organization, User
from apps.accounts.permissions import Actor
from apps.common.db import JobState, JobStatus, Row, status_check
from apps.signals.models.graph import Graph
from apps.signals.models.run import LIVE, Run
from apps.signals.states import DiffKind, HydrationTrigger


class HydrationQuerySet(models.QuerySet[Any]):
    """Reads of hydrations and their diffs."""

    def visible_to(self, actor: Actor) -> Self:
        """Narrow to the actor's organization."""
        return self.filter(organization=actor.organization)


class Hydration(Row, JobState):
    """The job that hydrates one run. `partial` ones (of some facilities, or cut) let nothing vanish."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    graph = models.ForeignKey(Graph, on_delete=models.CASCADE, related_name="hydrations")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="hydrations")
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    trigger = models.TextField(choices=HydrationTrigger.choices, default=HydrationTrigger.API)
    dry_run = models.BooleanField(default=False)
    partial = models.BooleanField(default=False)
    force = models.BooleanField(default=False)
    facilities = ArrayField(models.TextField(), default=list, blank=True)
    limit = models.PositiveIntegerField(null=True, blank=True)
    incoming = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    vanished = models.PositiveIntegerField(default=0)
    returned = models.PositiveIntegerField(default=0)
    reopened = models.PositiveIntegerField(default=0)
    auto_resolved = models.PositiveIntegerField(default=0)
    events = models.PositiveIntegerField(default=0)

    objects = HydrationQuerySet.as_manager()

    class Meta:
        db_table = "signals_hydration"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "graph"], condition=LIVE, name="signals_hydration_live"
            ),
            status_check("signals_hydration_status", "status", JobStatus),
            status_check("signals_hydration_trigger", "trigger", HydrationTrigger),
        ]
        indexes = [models.Index(fields=["run", "-created_at"], name="signals_hydration_by_run")]

    def __str__(self) -> str:
        return f"hydration of {self.run_id}"


class HydrationDiff(Row):
    """What a hydration changes in one signal: the columns that differ, before and after."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    hydration = models.ForeignKey(Hydration, on_delete=models.CASCADE, related_name="diff")
    signal_key = models.UUIDField()
    kind = models.TextField(choices=DiffKind.choices)
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)

    objects = HydrationQuerySet.as_manager()

    class Meta:
        db_table = "signals_hydration_diff"
        constraints = [status_check("signals_hydration_diff_kind", "kind", DiffKind)]
        indexes = [models.Index(fields=["hydration", "kind", "id"], name="signals_diff_by_hydration")]

    def __str__(self) -> str:
        return f"{self.kind} {self.signal_key}"
