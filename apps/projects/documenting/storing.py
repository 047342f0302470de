"""Where results lie: small ones in the job's row, large ones in the storage."""

from typing import Any, Final

import msgspec
from django.core.files.storage import default_storage

from apps.common.db import JobStatus
from apps.common.errors import Conflict, NotFound
from apps.common.problems import is_full_disk
from apps.projects.documenting.results import Result, decode_result, encode_result
from apps.projects.files import store_file
from apps.projects.git.failures import StorageFull
from apps.projects.models import CodeJob

ROW_MAX_BYTES: Final = 256 * 1024
FOLDER: Final = "projects/results"


class JobNotFinished(Conflict):
    """The job has no result; see how it stands."""

    code = "projects.job_not_finished"


def keep_result(job: CodeJob, result: Result) -> dict[str, Any]:
    """Store a result and return the columns that say where; run again, it replaces what was stored.

    Raises StorageFull.
    """
    content = encode_result(result)
    if len(content) <= ROW_MAX_BYTES:
        return {"result": msgspec.to_builtins(result), "storage_key": ""}
    name = f"{FOLDER}/{job.project_id}/{job.pk}.json"
    if default_storage.exists(name):
        default_storage.delete(name)
    try:
        return {"result": None, "storage_key": store_file(name, content)}
    except OSError as error:
        if is_full_disk(error):
            raise StorageFull(cause=str(error.strerror)) from error
        raise


def load_result(job: CodeJob) -> Result | None:
    """Return the result of a job, None if it has none, or none any more."""
    if job.storage_key:
        if not default_storage.exists(job.storage_key):
            return None
        with default_storage.open(job.storage_key) as file:
            return decode_result(file.read())
    return msgspec.convert(job.result, Result) if job.result is not None else None


def read_result(job: CodeJob) -> Result:
    """Return what a job says; raises JobNotFinished, and NotFound if it is not kept any more."""
    if job.status != JobStatus.SUCCEEDED:
        raise JobNotFinished(extra={"status": job.status})
    found = load_result(job)
    if found is None:
        raise NotFound("The result is not kept any more.")
    return found


def drop_result(job: CodeJob) -> None:
    """Delete what the storage holds of a job; repeatable."""
    if job.storage_key:
        default_storage.delete(job.storage_key)
