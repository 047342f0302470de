"""Rollups: counts and sums of whole months by coarse cell, which only speed answers up."""

from django.db import models


class Rollup(models.Model):
    """The events of one segment, month, cell and category.

    `month` is year x 12 + month - 1 in the dataset's zone. The sums are of value minus the dataset's pivot.
    """

    pk = models.CompositePrimaryKey("dataset_no", "segment_no", "resolution", "month", "cell", "category_no")
    dataset_no = models.IntegerField()
    segment_no = models.IntegerField()
    resolution = models.SmallIntegerField()
    month = models.IntegerField()
    cell = models.BigIntegerField()
    category_no = models.SmallIntegerField()
    n = models.IntegerField()
    n_value = models.IntegerField()
    sum_d = models.FloatField()
    sum_d2 = models.FloatField()
    lowest = models.FloatField(null=True, db_column="min")
    highest = models.FloatField(null=True, db_column="max")

    class Meta:
        db_table = "datasets_rollup"

    def __str__(self) -> str:
        return f"{self.segment_no}, {self.resolution}, {self.month}"
