"""What the audit says of acts on metrics."""

from typing import Final

VERBS: Final = {
    "metrics.changed": "A metric's description, unit or retention was changed",
    "metrics.compacted": "A shard was compacted by hand",
    "metrics.created": "A metric was created",
    "metrics.lease_released": "The lease of a shard was released",
    "metrics.policy_changed": "The policy of metrics was changed",
    "metrics.rebuilt": "Rollups were computed anew",
    "metrics.retention_run": "Points and rollups past their time were dropped",
    "metrics.verified": "What is stored of a metric was compared with itself",
}
