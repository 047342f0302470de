"""Reads of code jobs and their results."""

from typing import Any, Final

from django.contrib.postgres.fields import ArrayField
from django.db.models import BooleanField, CharField, Exists, OuterRef, QuerySet
from django.db.models.expressions import RawSQL

from apps.common.db import JobStatus
from apps.projects.models import CodeJob

STALE_PATHS_MAX: Final = 100
# A source differs if the published file of its path has another blob, or is gone.
_DIFFERING: Final = """
    FROM jsonb_each_text(projects_code_job.source_blobs) AS source
    LEFT JOIN projects_file AS published
        ON published.organization_id = projects_code_job.organization_id
        AND published.project_id = projects_code_job.project_id
        AND published.path_hash = sha256(convert_to(source.key, 'UTF8'))
    WHERE published.blob IS DISTINCT FROM source.value
"""
# Only where the job's manifest is not the current one can there be such a source.
_STALE: Final = f"""
    EXISTS (
        SELECT FROM projects_manifest AS read
        WHERE read.id = projects_code_job.manifest_id AND read.state <> 'current'
    ) AND EXISTS (SELECT {_DIFFERING})
"""
_STALE_PATHS: Final = f"""
    ARRAY(SELECT source.key {_DIFFERING} ORDER BY source.key LIMIT {STALE_PATHS_MAX})
"""


def listed_jobs() -> QuerySet[CodeJob, Any]:
    """Return jobs as they are shown, with `stale`; one query a page."""
    stale = RawSQL(_STALE, (), output_field=BooleanField())  # noqa: S611 - a constant
    jobs: QuerySet[CodeJob, Any] = CodeJob.objects.select_related("manifest", "created_by", "project")
    return jobs.defer("result", "source_blobs", "error_trace").annotate(stale=stale)


def newer_results() -> QuerySet[CodeJob, Any]:
    """Return the results that are newer than that of an outer job, of its type and about all it is about."""
    rows: QuerySet[CodeJob, Any] = CodeJob.objects.filter(
        project=OuterRef("project"),
        type=OuterRef("type"),
        status=JobStatus.SUCCEEDED,
        pk__gt=OuterRef("pk"),
        request__covers__contains=OuterRef("request__covers"),
    )
    return rows


def newest_results() -> QuerySet[CodeJob, Any]:
    """Return jobs as they are shown, with the first `stale_paths`: the newest with a result.

    A result is left out if a newer one of its type is about all that it is about.
    """
    paths = RawSQL(_STALE_PATHS, (), output_field=ArrayField(CharField()))  # noqa: S611 - a constant
    jobs = listed_jobs().filter(~Exists(newer_results()), status=JobStatus.SUCCEEDED)
    return jobs.annotate(stale_paths=paths)
