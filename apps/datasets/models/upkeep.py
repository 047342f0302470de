"""Upkeep: what is done to a dataset's storage behind its readers, one job a row."""

from django.db import models
from django.db.models import Q

from apps.common.db import JobState, Row, status_check
from apps.datasets.models.dataset import Dataset
from apps.datasets.models.version import Segment
from apps.datasets.states import UpkeepKind


class Upkeep(Row, JobState):
    """One job on storage: rollups or the drop of one segment, or new cells for a whole dataset.

    `segment` is empty for a reindex. A segment is dropped after its dataset was deleted too.
    """

    kind = models.TextField(choices=UpkeepKind.choices)
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="upkeep")
    segment = models.ForeignKey(
        Segment, null=True, blank=True, on_delete=models.CASCADE, related_name="upkeep"
    )

    class Meta:
        db_table = "datasets_upkeep"
        constraints = [
            models.UniqueConstraint(
                fields=["dataset", "segment", "kind"],
                condition=Q(status__in=["queued", "running"]),
                nulls_distinct=False,
                name="datasets_upkeep_once",
            ),
            status_check("datasets_upkeep_kind", "kind", UpkeepKind),
        ]
        indexes = [
            models.Index(
                fields=["status", "run_after"],
                condition=Q(status__in=["queued", "running"]),
                name="datasets_upkeep_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.segment or self.dataset}"
