"""The one event table, LIST-partitioned by slab; made by migration, written by binary COPY only."""

from typing import ClassVar

from django.db import models


class Event(models.Model):
    """An instant with precision, point and category.

    `lat_e7` and `lon_e7` are degrees x 10^7; `precision` is 0 instant, 1 day, 2 month, 3 year; `cell` is the
    H3 cell of the stored point at resolution 11; `external_hash` is the signed xxh3-64 of the external id.
    """

    pk = models.CompositePrimaryKey("dataset_no", "segment_no", "event_no")
    cell = models.BigIntegerField()
    occurred_at = models.DateTimeField()
    external_hash = models.BigIntegerField(null=True)
    value = models.FloatField(null=True)
    dataset_no = models.IntegerField()
    slab = models.IntegerField()
    segment_no = models.IntegerField()
    event_no = models.IntegerField()
    lat_e7 = models.IntegerField()
    lon_e7 = models.IntegerField()
    category_no = models.SmallIntegerField()
    label_no = models.SmallIntegerField(null=True)
    precision = models.SmallIntegerField()

    class Meta:
        managed: ClassVar[bool] = False
        db_table = "datasets_event"

    def __str__(self) -> str:
        return f"{self.segment_no}-{self.event_no}"
