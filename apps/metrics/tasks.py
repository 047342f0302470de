"""The message that a shard is due. Not a job: the shard's row and its segments say what is to be done."""

from celery import shared_task

from apps.metrics.compaction.compacting import compact_shard as compact
from apps.metrics.compaction.due import MESSAGE_NAME


@shared_task(name=MESSAGE_NAME)
def compact_shard(*, shard_id: int) -> None:
    """Compact a shard if that is still due; when another worker holds it, there is nothing to do."""
    compact(shard_id, force=False)
