"""Graphs: where runs come from, and how long they stay."""

from typing import Self

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from apps.accounts.models import Organization
from apps.accounts.permissions import Actor
from apps.common.db import Row


class GraphQuerySet(models.QuerySet["Graph"]):
    """Reads of graphs."""

    def visible_to(self, actor: Actor) -> Self:
        """Narrow to the actor's organization."""
        return self.filter(organization=actor.organization)


class Graph(Row):
    """One analytics graph whose runs lie in the folder `root`, relative to `RUNS_ROOT`."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=255)
    root = models.CharField(max_length=1024, unique=True)
    facility_dimension = models.CharField(max_length=255, default="medicareId")
    auto_pipeline = models.BooleanField(default=True)
    retention_runs = models.PositiveSmallIntegerField(
        default=12, validators=[MinValueValidator(2), MaxValueValidator(200)]
    )
    current_run = models.ForeignKey(
        "signals.Run", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    objects = GraphQuerySet.as_manager()

    class Meta:
        db_table = "signals_graph"
        constraints = [
            models.UniqueConstraint(fields=["organization", "name"], name="signals_graph_name"),
            models.CheckConstraint(
                condition=Q(retention_runs__gte=2, retention_runs__lte=200), name="signals_graph_retention"
            ),
        ]

    def __str__(self) -> str:
        return self.name
