"""What subscribers hear about jobs: the topics `jobs` and `jobs.<id>`, after the commit."""

import uuid

from apps.common.db import JobState
from apps.common.live import publish


def announce_job(*, kind: str, organization_id: uuid.UUID, row: JobState) -> None:
    """Publish the state of a job to whoever watches it or the list."""
    error = {"code": row.error_code, "detail": row.error_detail} if row.error_code else None
    data = {
        "id": str(row.pk),
        "kind": kind,
        "status": row.status,
        "stage": row.stage,
        "progress": round(row.progress, 4),
        "attempt": row.attempt,
        "error": error,
    }
    for topic in ("jobs", f"jobs.{row.pk}"):
        publish(organization_id=organization_id, topic=topic, type="changed", data=data)
