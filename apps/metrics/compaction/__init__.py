"""What is done to stored points: compaction, merging, retention, verification, rebuilding."""

from apps.metrics.compaction.compacting import Compacted, compact_shard
from apps.metrics.compaction.due import compact_everything, nudge, send_due
from apps.metrics.storage.shards import release_lease

__all__ = ["Compacted", "compact_everything", "compact_shard", "nudge", "release_lease", "send_due"]
