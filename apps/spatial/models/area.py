"""Areas: named polygons of one organization."""

from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower

from apps.accounts.models import Organization, User
from apps.accounts.permissions import Actor
from apps.common.db import Row


class AreaQuerySet(models.QuerySet["Area"]):
    """Reads of areas."""

    def visible_to(self, actor: Actor) -> Self:
        """Narrow to the areas of the actor's organization."""
        return self.filter(organization=actor.organization)


class Area(Row):
    """A named polygon; `polygon` is GeoJSON as given, `box` west, south, east, north in degrees.

    A box with west > east crosses 180 degrees.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=120)
    aliases = ArrayField(models.CharField(max_length=120), default=list, blank=True)
    polygon = models.JSONField()
    box = ArrayField(models.FloatField(), size=4)
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    objects = AreaQuerySet.as_manager()

    class Meta:
        db_table = "spatial_area"
        constraints = [
            models.UniqueConstraint("organization", Lower("name"), name="spatial_area_name_unique"),
        ]

    def __str__(self) -> str:
        return self.name
