"""Where files come from by themselves: profiles say how they are read, sources where they lie and when."""

import datetime as dt
import json
from typing import Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from apps.accounts.models import Organization, User
from apps.accounts.permissions import Actor
from apps.common.db import Row, status_check
from apps.datasets.models.dataset import Dataset
from apps.datasets.states import DuplicatePolicy, MonthState, SourceKind


class ProfileQuerySet(models.QuerySet["Profile"]):
    """Reads of profiles."""

    def visible_to(self, actor: Actor) -> Self:
        """Narrow to the profiles of the actor's organization."""
        return self.filter(organization=actor.organization)


class Profile(Row):
    """A named mapping with dialect and options.

    `signature` is JSON of the sorted names of the header that it is for, empty until it has met one.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=120)
    signature = models.TextField(default="", blank=True)
    mapping = models.JSONField(default=dict)
    dialect = models.JSONField(null=True, blank=True)
    options = models.JSONField(default=dict, blank=True)
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    objects = ProfileQuerySet.as_manager()

    class Meta:
        db_table = "datasets_profile"
        constraints = [
            models.UniqueConstraint("organization", Lower("name"), name="datasets_profile_name_unique"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def columns(self) -> list[str]:
        """Return the sorted names of the header that it is for."""
        names: list[str] = json.loads(self.signature) if self.signature else []
        return names


class SourceQuerySet(models.QuerySet["Source"]):
    """Reads of sources."""

    def visible_to(self, actor: Actor) -> Self:
        """Narrow to the sources of living datasets of the actor's organization."""
        return self.filter(dataset__organization=actor.organization, dataset__deleted_at__isnull=True)


class Source(Row):
    """A place in the net from which a dataset is filled: one address, or one for each month.

    `template` is the address, with {month}, {year}, {mm} for kind `months`; `schedule` five fields of cron in
    the dataset's zone, empty for none; `first_month` the first day of a month.
    """

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="sources")
    kind = models.TextField(choices=SourceKind.choices)
    template = models.CharField(max_length=2000)
    member_pattern = models.CharField(max_length=255, default="", blank=True)
    profile = models.ForeignKey(Profile, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    duplicates = models.TextField(choices=DuplicatePolicy.choices, default=DuplicatePolicy.KEEP_ALL)
    reject_limit = models.FloatField(null=True, blank=True)
    schedule = models.CharField(max_length=100, default="", blank=True)
    first_month = models.DateField(null=True, blank=True)
    enabled = models.BooleanField(default=True)
    next_run_at = models.DateTimeField(null=True, blank=True)
    last_run_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    objects = SourceQuerySet.as_manager()

    class Meta:
        db_table = "datasets_source"
        constraints = [
            status_check("datasets_source_kind", "kind", SourceKind),
            status_check("datasets_source_duplicates", "duplicates", DuplicatePolicy),
        ]
        indexes = [
            models.Index(fields=["next_run_at"], condition=Q(enabled=True), name="datasets_source_due"),
        ]

    def __str__(self) -> str:
        return self.template


class SourceMonth(models.Model):
    """What became of one month of a source (its first day); `missing_since` bounds the daily tries."""

    pk = models.CompositePrimaryKey("source_id", "month")
    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="months")
    month = models.DateField()
    state = models.TextField(choices=MonthState.choices)
    sha256 = models.BinaryField(max_length=32, null=True, blank=True)
    etag = models.CharField(max_length=255, default="", blank=True)
    last_modified = models.CharField(max_length=64, default="", blank=True)
    latest_import = models.ForeignKey(
        "datasets.Import",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_column="import_id",
    )
    error_code = models.CharField(max_length=64, default="", blank=True)
    missing_since = models.DateTimeField(null=True, blank=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "datasets_source_month"
        constraints = [status_check("datasets_source_month_state", "state", MonthState)]

    def __str__(self) -> str:
        return month_text(self.month)


def month_text(day: dt.date) -> str:
    """Return the month of a day as YYYY-MM, which is also the key of its partition."""
    return f"{day:%Y-%m}"
