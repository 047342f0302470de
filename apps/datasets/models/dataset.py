"""Datasets: named event collections of one organization."""

from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.expressions import Func, Value
from django.db.models.functions import Lower

from apps.accounts.models import Organization, User
from apps.accounts.permissions import Actor
from apps.common.db import Row, status_check
from apps.datasets.states import DatasetStatus


def next_number(sequence: str) -> Func:
    """Return the database default that draws the next number of a sequence."""
    return Func(Value(sequence), function="nextval", output_field=models.IntegerField())


class DatasetQuerySet(models.QuerySet["Dataset"]):
    """Reads of datasets."""

    def living(self) -> Self:
        """Leave out the datasets that were deleted."""
        return self.filter(deleted_at__isnull=True)

    def visible_to(self, actor: Actor) -> Self:
        """Narrow to the living datasets of the actor's organization: the wall between organizations."""
        return self.living().filter(organization=actor.organization)


class Dataset(Row):
    """A named event collection with one time zone; readers read its current version.

    `no` is the short number under which events, rejects and terms are stored.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="datasets")
    no = models.IntegerField(unique=True, editable=False, db_default=next_number("datasets_dataset_no_seq"))
    name = models.CharField(max_length=255)
    description = models.CharField(max_length=2000, default="", blank=True)
    zone = models.CharField(max_length=64, default="UTC")
    area = ArrayField(models.FloatField(), size=4, null=True, blank=True)
    status = models.TextField(choices=DatasetStatus.choices, default=DatasetStatus.PENDING)
    current_version = models.ForeignKey(
        "datasets.Version", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    privacy_k = models.PositiveSmallIntegerField(default=0)
    rules_no = models.PositiveIntegerField(default=1)
    keep_versions = models.PositiveSmallIntegerField(default=3)
    value_pivot = models.FloatField(null=True, blank=True)
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = DatasetQuerySet.as_manager()

    class Meta:
        db_table = "datasets_dataset"
        constraints = [
            models.UniqueConstraint(
                "organization",
                Lower("name"),
                condition=models.Q(deleted_at__isnull=True),
                name="datasets_dataset_name_unique",
            ),
            status_check("datasets_dataset_status", "status", DatasetStatus),
            models.CheckConstraint(
                condition=models.Q(keep_versions__range=(1, 50)), name="datasets_dataset_keep_versions"
            ),
        ]

    def __str__(self) -> str:
        return self.name
