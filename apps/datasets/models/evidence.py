"""Terms (category and label texts by number) and rejects (the evidence of what was not accepted)."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from apps.common.db import status_check


class TermField(models.TextChoices):
    """Which column a term belongs to."""

    CATEGORY = "category"
    LABEL = "label"


class Term(models.Model):
    """The text behind a category or label number of one dataset; numbers are never reused."""

    pk = models.CompositePrimaryKey("dataset_no", "field", "no")
    dataset_no = models.IntegerField()
    field = models.TextField(choices=TermField.choices)
    no = models.SmallIntegerField()
    text = models.CharField(max_length=200)
    aliases = ArrayField(models.CharField(max_length=200), default=list, blank=True)

    class Meta:
        db_table = "datasets_term"
        constraints = [
            models.UniqueConstraint(fields=["dataset_no", "field", "text"], name="datasets_term_text_unique"),
            status_check("datasets_term_field", "field", TermField),
        ]

    def __str__(self) -> str:
        return self.text


class RejectKind(models.TextChoices):
    """Why the row is not in the version."""

    REJECTED = "rejected"
    DUPLICATE = "duplicate"


class Reject(models.Model):
    """One row of a file that was not accepted, with its bytes as they stood in the file (the first 64 KiB).

    `line` and `line_end` are physical lines (header = 1), `record` is the ordinal, `column_name` the source
    column.
    """

    pk = models.CompositePrimaryKey("dataset_no", "import_no", "seq")
    dataset_no = models.IntegerField()
    import_no = models.IntegerField()
    seq = models.IntegerField()
    kind = models.TextField(choices=RejectKind.choices)
    file_no = models.IntegerField()
    record = models.IntegerField()
    line = models.IntegerField(null=True)
    line_end = models.IntegerField(null=True)
    byte_offset = models.BigIntegerField(null=True)
    column_name = models.TextField(null=True, db_column="column")  # noqa: DJ001 - null: no one column is at fault
    code = models.TextField()
    also = ArrayField(models.TextField(), default=list)
    detail = models.TextField(default="")
    raw = models.BinaryField()
    raw_truncated = models.BooleanField(default=False)
    kept_line = models.IntegerField(null=True)

    class Meta:
        db_table = "datasets_reject"
        constraints = [status_check("datasets_reject_kind", "kind", RejectKind)]

    def __str__(self) -> str:
        return f"{self.code} at line {self.line}"
