"""What goes with an organization: points, which no foreign key leads to."""

import uuid
from typing import Final

from django.db import connection, transaction

from apps.metrics.models import Metric, Shard

# In this order, so that a purge that is killed and run again still finds the shards.
TABLES: Final = (
    "metrics_point_segment",
    "metrics_point_chunk",
    "metrics_rollup",
    "metrics_metric_stat",
    "metrics_shard_day",
)


def purge_metrics(organization_id: uuid.UUID) -> None:
    """Remove an organization's points, shards and metrics; repeatable after any death."""
    for shard_id in Shard.objects.filter(organization_id=organization_id).values_list("shard_id", flat=True):
        for table in TABLES:
            with connection.cursor() as cursor:
                cursor.execute(f"DELETE FROM {table} WHERE shard_id = %s", [shard_id])  # noqa: S608 - names above
    with transaction.atomic():
        Shard.objects.filter(organization_id=organization_id).delete()
        Metric.objects.filter(organization_id=organization_id).delete()
