"""The live topics of jobs: `jobs` for the whole board, `jobs.<id>` for one (platform.md section 12)."""

from apps.accounts.models import Job
from apps.accounts.models.api_key import KeyReader
from apps.accounts.models.job import JobQuerySet
from apps.common.jobs import iter_kinds
from apps.common.live import register_topic


def register_job_topics() -> None:
    """Declare them; called once the kinds are declared. The products' own permissions decide."""
    register_topic(pattern="jobs", permission="", visible=sees_all_kinds)
    register_topic(pattern="jobs.<id>", permission="", visible=sees_job)


def sees_all_kinds(actor: KeyReader) -> bool:
    """Tell whether the actor may look at every product with jobs: the board has events of all."""
    return all(actor.may(kind.listing.permission) for kind in iter_kinds() if kind.listing is not None)


def sees_job(actor: KeyReader, key: str) -> bool:
    """Tell whether the actor may look at a job. Issues one query."""
    visible: JobQuerySet = Job.objects.visible_to(actor)
    return visible.filter(pk=key).exists()
