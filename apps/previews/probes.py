"""How previews are, for /healthz."""

import secrets
from typing import Any, Final

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from apps.common.probes import Degraded, Probe, disk_facts
from apps.previews.queries.cleanup import summarize_cleanup
from apps.previews.storing import FOLDER

FREE_MIN_PERCENT: Final = 15.0
# The light clock ticks every 10 minutes.
CLEANUP_AGE_MAX_S: Final = 3_600.0


def probe_store() -> dict[str, Any]:
    """Write, read and delete an object of the preview store; raises Degraded where little room is left."""
    content = secrets.token_bytes(64)
    name = default_storage.save(f"{FOLDER}/{secrets.token_hex(16)}", ContentFile(content))
    try:
        with default_storage.open(name) as file:
            if file.read() != content:
                raise OSError("read something else than was written")
    finally:
        default_storage.delete(name)
    disk = disk_facts()
    facts = {"free_percent": round(100 * disk["free_bytes"] / disk["total_bytes"], 1)}
    if facts["free_percent"] < FREE_MIN_PERCENT:
        raise Degraded(facts)
    return facts


def probe_cleanup() -> dict[str, Any]:
    """Return when clean-up ran last; raises Degraded if that is long ago or something failed."""
    last = summarize_cleanup(timezone.now()).last_run
    if last is None:
        return {"age_s": None, "failed": 0}
    facts = {"age_s": round((timezone.now() - last.at).total_seconds(), 1), "failed": last.failed}
    if facts["age_s"] > CLEANUP_AGE_MAX_S or facts["failed"]:
        raise Degraded(facts)
    return facts


PROBES: Final = (Probe("preview_store", probe_store), Probe("preview_cleanup", probe_cleanup))
