"""Runs as they are shown, and the builds that they were in."""

from django.db.models import Prefetch, QuerySet

from apps.signals.models import DbtBuild, DbtResult, Run

# What dbt says of a node that did what it should.
PASSED = ("success", "pass")


def listed_runs() -> QuerySet[Run]:
    """Return runs as they are shown. One query a page."""
    return Run.objects.select_related("graph")


def builds_of(run: Run) -> QuerySet[DbtBuild]:
    """Return the builds that a run was in, each with `not_passed` results. Two queries a page."""
    failed = DbtResult.objects.exclude(status__in=PASSED).order_by("unique_id")
    rows = DbtBuild.objects.filter(organization=run.organization_id, run_ids__contains=[run.pk])
    return rows.select_related("created_by").prefetch_related(
        Prefetch("results", queryset=failed, to_attr="not_passed")
    )
