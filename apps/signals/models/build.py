"""Builds: what dbt did, and the models it knows."""

from typing import Any, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from apps.accounts.models import Organization, User
from apps.accounts.permissions import Actor
from apps.common.db import JobState, JobStatus, Row, status_check


class BuildPartQuerySet(models.QuerySet[Any]):
    """Reads of builds and what belongs to them."""

    def visible_to(self, actor: Actor) -> Self:
        """Narrow to the actor's organization."""
        return self.filter(organization=actor.organization)


class DbtBuild(Row, JobState):
    """The job that runs `dbt build` for the runs in `run_ids` (ids of `Run`).

    One that nobody has started yet is queued at most, so that later runs join it; `schema` is the prefix that
    one build at a time holds.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    run_ids = ArrayField(models.UUIDField(), default=list)
    schema = models.CharField(max_length=48)
    select = models.CharField(max_length=1_000, default="", blank=True)
    full_refresh = models.BooleanField(default=False)
    # The hydrations that follow: ids of runs, in run order.
    hydrate_after = ArrayField(models.UUIDField(), default=list, blank=True)
    dbt_version = models.CharField(max_length=40, default="", blank=True)
    exit_code = models.SmallIntegerField(null=True, blank=True)
    manifest_sha256 = models.CharField(max_length=64, default="", blank=True)
    node_count = models.PositiveIntegerField(default=0)
    log_tail = models.TextField(default="", blank=True)

    objects = BuildPartQuerySet.as_manager()

    class Meta:
        db_table = "signals_dbt_build"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "schema", "select", "full_refresh"],
                # One that has to wait once more, or whose worker was lost, may be queued beside it.
                condition=Q(status=JobStatus.QUEUED, started_at__isnull=True),
                name="signals_dbt_build_queued",
            ),
            models.UniqueConstraint(
                fields=["schema"], condition=Q(status=JobStatus.RUNNING), name="signals_dbt_build_running"
            ),
            status_check("signals_dbt_build_status", "status", JobStatus),
        ]

    def __str__(self) -> str:
        return f"build {self.pk}"


class DbtResult(Row):
    """What became of one dbt node in a build."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    build = models.ForeignKey(DbtBuild, on_delete=models.CASCADE, related_name="results")
    unique_id = models.CharField(max_length=400)
    resource_type = models.CharField(max_length=40)
    status = models.CharField(max_length=40)
    execution_s = models.FloatField(default=0.0)
    failures = models.IntegerField(null=True, blank=True)
    message = models.TextField(default="", blank=True)

    objects = BuildPartQuerySet.as_manager()

    class Meta:
        db_table = "signals_dbt_result"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "build", "unique_id"], name="signals_dbt_result_identity"
            )
        ]

    def __str__(self) -> str:
        return self.unique_id


class DbtModel(Row):
    """A seed or model of the dbt project, as its newest manifest tells.

    `columns` is [{name, type, description}], `tests` [{name, column, status}].
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    unique_id = models.CharField(max_length=400)
    name = models.CharField(max_length=255)
    layer = models.CharField(max_length=40)
    schema = models.CharField(max_length=63)
    materialization = models.CharField(max_length=40)
    description = models.TextField(default="", blank=True)
    columns = models.JSONField(default=list)
    tags = ArrayField(models.TextField(), default=list, blank=True)
    depends_on = ArrayField(models.TextField(), default=list, blank=True)
    tests = models.JSONField(default=list)

    objects = BuildPartQuerySet.as_manager()

    class Meta:
        db_table = "signals_dbt_model"
        constraints = [
            models.UniqueConstraint(fields=["organization", "unique_id"], name="signals_dbt_model_identity")
        ]

    def __str__(self) -> str:
        return self.name
