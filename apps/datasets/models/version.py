"""Versions and the segments they list: both immutable once published."""

import uuid
from datetime import datetime
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Greatest

from apps.common.db import Row, status_check
from apps.datasets.models.dataset import Dataset, next_number
from apps.datasets.states import SegmentState

SHARED_SLABS = 8
OWN_SLAB_BASE = 1000


class SegmentQuerySet(models.QuerySet["Segment"]):
    """Reads of segments."""

    def of_version(self, version_id: object) -> Self:
        """Narrow to the segments that a version lists, in number order."""
        return self.filter(listings__version_id=version_id).order_by("no")


class Segment(models.Model):
    """An immutable batch of events from one import, shared by every version that lists it.

    `source_import` read its rows. `slab` is the partition of the event table that holds them: 0..7 are
    shared, 1,000 + no is the segment's own. `cell_first`..`cell_last` and `first_at`..`last_at` bound the
    rows, both ends included.
    `occupied` counts the occupied cells at 3..11, exactly; `sketch` is what versions of many segments merge.
    """

    no = models.IntegerField(
        primary_key=True, editable=False, db_default=next_number("datasets_segment_no_seq")
    )
    created_at = models.DateTimeField(auto_now_add=True)
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="segments")
    slab = models.IntegerField()
    source_import = models.ForeignKey(
        "datasets.Import",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_column="import_id",
    )
    partition_source = models.UUIDField(null=True, blank=True)
    partition_key = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001 - null: no partition
    rows = models.PositiveIntegerField(default=0)
    cell_first = models.BigIntegerField(null=True, blank=True)
    cell_last = models.BigIntegerField(null=True, blank=True)
    first_at = models.DateTimeField(null=True, blank=True)
    last_at = models.DateTimeField(null=True, blank=True)
    extent = ArrayField(models.FloatField(), size=4, null=True, blank=True)
    precision_counts = models.JSONField(default=dict)
    category_counts = models.JSONField(default=dict)
    occupied = ArrayField(models.PositiveIntegerField(), size=9, null=True, blank=True)
    sketch = models.BinaryField(null=True, blank=True)
    rollups = ArrayField(models.SmallIntegerField(), default=list, blank=True)
    files_prefix = models.CharField(max_length=200, default="", blank=True)
    bytes = models.BigIntegerField(default=0)
    state = models.TextField(choices=SegmentState.choices, default=SegmentState.STAGED)

    objects = SegmentQuerySet.as_manager()

    class Meta:
        db_table = "datasets_segment"
        constraints = [status_check("datasets_segment_state", "state", SegmentState)]

    def __str__(self) -> str:
        return f"segment {self.no}"

    @property
    def has_own_slab(self) -> bool:
        """Tell whether the rows lie in a partition of their own."""
        return self.slab >= OWN_SLAB_BASE


class VersionQuerySet(models.QuerySet["Version"]):
    """Reads of versions, and the mark that keeps one from being dropped."""

    def pin(self, version_id: uuid.UUID, until: datetime) -> bool:
        """Keep a version from being dropped until then at least; False if it is dropped already. One query.

        A pin only ever moves on: of two readers the later one decides.
        """
        kept = self.filter(pk=version_id, dropped_at__isnull=True)
        # GREATEST leaves nulls out.
        return bool(kept.update(pinned_until=Greatest("pinned_until", until)))


class Version(Row):
    """A numbered, immutable list of segments; published in one transaction, whole or not at all.

    `occupied` counts the occupied cells at the nine resolutions 3..11. `changed_from`..`changed_to` is the
    span in which its data differ from the version before; null means everywhere. Until `pinned_until` it is
    not dropped, because somebody reads it.
    """

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    source_import = models.ForeignKey(
        "datasets.Import",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_column="import_id",
    )
    segments = models.ManyToManyField(Segment, through="datasets.VersionSegment", related_name="versions")
    event_count = models.PositiveBigIntegerField()
    extent = ArrayField(models.FloatField(), size=4, null=True, blank=True)
    first_at = models.DateTimeField(null=True, blank=True)
    last_at = models.DateTimeField(null=True, blank=True)
    precision_counts = models.JSONField(default=dict)
    occupied = ArrayField(models.PositiveIntegerField(), size=9)
    changed_from = models.DateTimeField(null=True, blank=True)
    changed_to = models.DateTimeField(null=True, blank=True)
    mapping = models.JSONField(default=dict)
    quality = models.JSONField(default=dict)
    published_at = models.DateTimeField()
    dropped_at = models.DateTimeField(null=True, blank=True)
    pinned_until = models.DateTimeField(null=True, blank=True, editable=False)

    objects = VersionQuerySet.as_manager()

    class Meta:
        db_table = "datasets_version"
        constraints = [
            models.UniqueConstraint(fields=["dataset", "number"], name="datasets_version_number_unique"),
        ]

    def __str__(self) -> str:
        return f"version {self.number}"


class VersionSegment(models.Model):
    """One line of a version's manifest."""

    pk = models.CompositePrimaryKey("version_id", "segment_id")
    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="manifest")
    segment = models.ForeignKey(Segment, on_delete=models.PROTECT, related_name="listings")

    class Meta:
        db_table = "datasets_version_segment"

    def __str__(self) -> str:
        return f"{self.version_id} lists {self.segment_id}"
