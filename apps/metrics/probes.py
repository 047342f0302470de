"""How metrics are, for /healthz."""

import datetime as dt
from typing import Any, Final

from django.utils import timezone

from apps.common.probes import Degraded, Probe
from apps.metrics.figures import pending_points
from apps.metrics.storage import partitions, segments
from apps.metrics.storage.partitions import DAY

# Three times the age at which compaction is due.
LAG_MAX_S: Final = 900.0


def probe_metrics() -> dict[str, Any]:
    """Return what waits for compaction; raises Degraded if that waits long, or tomorrow has no partition."""
    lag_s = segments.oldest_age_s()
    tomorrow = timezone.now().astimezone(dt.UTC).date() + DAY
    has_partition = partitions.has_partitions(tomorrow)
    facts = {
        "compaction_lag_s": round(lag_s, 1),
        "pending_points": pending_points(),
        "partition_tomorrow": has_partition,
    }
    if lag_s > LAG_MAX_S or not has_partition:
        raise Degraded(facts)
    return facts


PROBE: Final = Probe("metrics", probe_metrics)
