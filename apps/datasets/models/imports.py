"""Imports: one attempt each to make a version out of files."""

from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from apps.accounts.models import User
from apps.accounts.permissions import Actor
from apps.common.db import JobState, JobStatus, Row, status_check
from apps.datasets.models.dataset import Dataset, next_number
from apps.datasets.states import FileState, ImportMode, Outcome

RECONCILED = Q(rows_read=F("accepted") + F("rejected") + F("duplicates"))


class ImportQuerySet(models.QuerySet["Import"]):
    """Reads of imports."""

    def visible_to(self, actor: Actor) -> Self:
        """Narrow to the imports of living datasets of the actor's organization."""
        return self.filter(dataset__organization=actor.organization, dataset__deleted_at__isnull=True)


class Import(Row, JobState):
    """A job that reads files into a fresh segment and publishes a version.

    `no` numbers its stage table and rejects. `options` are the import options of places.md section 4 (mode,
    duplicates, reject_limit, partition ...), `checkpoint` is where a killed import goes on. `source` and
    `month` (its first day) say which month of which source it is for. `validators` are what a foreign host
    recognises the fetched file by: etag, last_modified; `status` alone if it answered without giving one.
    `reject_counts` is a list of {code, column, n} that outlives the evidence.
    """

    no = models.IntegerField(unique=True, editable=False, db_default=next_number("datasets_import_no_seq"))
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="imports")
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    source = models.ForeignKey(
        "datasets.Source", null=True, blank=True, on_delete=models.SET_NULL, related_name="imports"
    )
    month = models.DateField(null=True, blank=True)
    mode = models.TextField(choices=ImportMode.choices, default=ImportMode.REPLACE)
    options = models.JSONField(default=dict)
    mapping = models.JSONField(null=True, blank=True)
    dialect = models.JSONField(null=True, blank=True)
    rows_read = models.PositiveIntegerField(default=0)
    accepted = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)
    duplicates = models.PositiveIntegerField(default=0)
    blank_lines = models.PositiveIntegerField(default=0)
    warnings = models.JSONField(default=dict)
    reject_counts = models.JSONField(default=list)
    checkpoint = models.JSONField(null=True, blank=True)
    validators = models.JSONField(default=dict, blank=True)
    outcome = models.TextField(choices=Outcome.choices, null=True, blank=True)  # noqa: DJ001 - null: not ended
    version = models.ForeignKey(
        "datasets.Version", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    objects = ImportQuerySet.as_manager()

    class Meta:
        db_table = "datasets_import"
        constraints = [
            models.UniqueConstraint(
                fields=["dataset"], condition=Q(status="running"), name="datasets_import_one_running"
            ),
            models.CheckConstraint(condition=RECONCILED, name="datasets_import_reconciled"),
            status_check("datasets_import_status", "status", JobStatus),
            status_check("datasets_import_mode", "mode", ImportMode),
        ]
        indexes = [
            models.Index(fields=["dataset", "-created_at"], name="datasets_import_by_dataset"),
            models.Index(
                fields=["status", "run_after"],
                condition=Q(status__in=["queued", "running"]),
                name="datasets_import_due",
            ),
        ]

    def __str__(self) -> str:
        return f"import {self.no}"


class ImportFile(models.Model):
    """One file of an import, an archive's member being a file of its own."""

    pk = models.CompositePrimaryKey("source_import_id", "file_no")
    source_import = models.ForeignKey(
        Import, on_delete=models.CASCADE, related_name="files", db_column="import_id"
    )
    file_no = models.PositiveIntegerField()
    name = models.CharField(max_length=255)
    storage_name = models.CharField(max_length=255)
    member = models.CharField(max_length=1024, default="", blank=True)
    bytes = models.BigIntegerField()
    sha256 = models.BinaryField(max_length=32)
    dialect = models.JSONField(null=True, blank=True)
    header = ArrayField(models.TextField(), default=list, blank=True)
    rows_read = models.PositiveIntegerField(default=0)
    accepted = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)
    duplicates = models.PositiveIntegerField(default=0)
    blank_lines = models.PositiveIntegerField(default=0)
    state = models.TextField(choices=FileState.choices, default=FileState.PENDING)

    class Meta:
        db_table = "datasets_import_file"
        constraints = [
            models.CheckConstraint(condition=RECONCILED, name="datasets_import_file_reconciled"),
            status_check("datasets_import_file_state", "state", FileState),
        ]

    def __str__(self) -> str:
        return self.name
