"""How the parts of accounts are, for /healthz."""

from typing import Any, Final

from django.utils import timezone

from apps.accounts.models import AuditEntry
from apps.common.probes import Degraded

# The clock seals every 15 s; after so long it is not late but missing.
UNSEALED_MAX_S: Final = 180.0


def probe_audit() -> dict[str, Any]:
    """Return how long the oldest entry waits for its place; raises Degraded when the clock seems to stand."""
    oldest = AuditEntry.objects.unsealed().order_by("created_at", "pk").first()
    waiting_s = (timezone.now() - oldest.created_at).total_seconds() if oldest else 0.0
    facts = {"oldest_unsealed_s": round(max(waiting_s, 0.0), 1)}
    if waiting_s > UNSEALED_MAX_S:
        raise Degraded(facts)
    return facts
