"""What subscribers of `projects.<id>` hear, after the commit: ids, states and versions, never contents."""

import uuid
from typing import Any, Final

from apps.common import live
from apps.projects.models import CodeJob, Manifest, MirrorRun, Proposal

PROJECTS: Final = "projects"


def topic_of(project_id: uuid.UUID) -> str:
    """Return the topic of one project."""
    return f"{PROJECTS}.{project_id}"


def announce_progress(run: MirrorRun) -> None:
    """Publish how far a run of the mirror is."""
    data = {
        "id": str(run.pk),
        "kind": run.kind,
        "status": run.status,
        "stage": run.stage,
        "progress": round(run.progress, 4),
    }
    _publish(run, "sync.progress", data)


def announce_finished(run: MirrorRun) -> None:
    """Publish that a run of the mirror has ended, and how."""
    error = {"code": run.error_code, "detail": run.error_detail} if run.error_code else None
    data = {
        "id": str(run.pk),
        "kind": run.kind,
        "status": run.status,
        "outcome": run.outcome,
        "commit": run.commit_after,
        "refs": run.refs,
        "error": error,
    }
    _publish(run, "sync.finished", data)


def announce_manifest(manifest: Manifest) -> None:
    """Publish which version of the manifest is current."""
    data = {"version": manifest.number, "digest": bytes(manifest.digest).hex(), "commit": manifest.commit}
    _publish(manifest, "manifest.published", data)


def announce_code_job(job: CodeJob) -> None:
    """Publish the state of a code job."""
    data = {"id": str(job.pk), "type": job.type, "status": job.status, "progress": round(job.progress, 4)}
    _publish(job, "job.changed", data)


def announce_proposal(proposal: Proposal) -> None:
    """Publish the state of a rename proposal; `version` is what If-Match compares."""
    data = {
        "id": str(proposal.pk),
        "state": proposal.state,
        "status": proposal.status,
        "progress": round(proposal.progress, 4),
        "version": proposal.version,
    }
    _publish(proposal, "proposal.changed", data)


def _publish(row: Any, kind: str, data: dict[str, Any]) -> None:
    live.publish(topic=topic_of(row.project_id), type=kind, data=data, organization_id=row.organization_id)
