"""The lifecycles of datasets, imports and segments, each as one table of moves (places.md section 3)."""

from collections.abc import Mapping

from django.db import models


class DatasetStatus(models.TextChoices):
    """What readers may expect of a dataset."""

    PENDING = "pending"
    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"


class SegmentState(models.TextChoices):
    """Where a segment's rows are: only a live one is listed by a version."""

    STAGED = "staged"
    LIVE = "live"
    DROPPING = "dropping"
    DROPPED = "dropped"


class ImportMode(models.TextChoices):
    """What the new version keeps of the current one."""

    REPLACE = "replace"
    APPEND = "append"
    REPLACE_PARTITION = "replace_partition"


class DuplicatePolicy(models.TextChoices):
    """Which rows count as duplicates (places.md section 7)."""

    KEEP_ALL = "keep_all"
    EXACT = "exact"
    OCCURRENCE = "occurrence"
    EXTERNAL_ID_FIRST = "external_id_first"
    EXTERNAL_ID_LAST = "external_id_last"


class Outcome(models.TextChoices):
    """How a succeeded import ended."""

    PUBLISHED = "published"
    UNCHANGED = "unchanged"
    DRY_RUN = "dry_run"


class SourceOf(models.TextChoices):
    """Where the files of an import come from, if not with the call itself."""

    UPLOAD = "upload"
    URL = "url"


class UpkeepKind(models.TextChoices):
    """What a job does to storage."""

    ROLLUP = "rollup"
    DROP = "drop"
    REINDEX = "reindex"


class UploadState(models.TextChoices):
    """Whether an upload still takes bytes; an expired one keeps nothing."""

    OPEN = "open"
    COMPLETE = "complete"
    EXPIRED = "expired"


class SourceKind(models.TextChoices):
    """Whether a source is one address, or one for each month."""

    MONTHS = "months"
    URL = "url"


class MonthState(models.TextChoices):
    """What the last look at a month of a source found."""

    MISSING = "missing"
    LOADED = "loaded"
    UNCHANGED = "unchanged"
    FAILED = "failed"


class FileState(models.TextChoices):
    """How far one file of an import was read."""

    PENDING = "pending"
    READING = "reading"
    READ = "read"


# A ready dataset keeps its status while imports run: a failed refresh leaves the current version serving.
DATASET_MOVES: Mapping[DatasetStatus, Mapping[str, DatasetStatus]] = {
    DatasetStatus.PENDING: {"import_claimed": DatasetStatus.PROCESSING},
    DatasetStatus.FAILED: {"import_claimed": DatasetStatus.PROCESSING},
    DatasetStatus.PROCESSING: {
        "published": DatasetStatus.READY,
        "import_ended": DatasetStatus.FAILED,
        "import_claimed": DatasetStatus.PROCESSING,
    },
    DatasetStatus.READY: {
        "import_claimed": DatasetStatus.READY,
        "published": DatasetStatus.READY,
        "import_ended": DatasetStatus.READY,
    },
}


def next_dataset_status(status: str, event: str) -> DatasetStatus:
    """Return where `event` takes a dataset; an event that does not concern the state leaves it."""
    current = DatasetStatus(status)
    return DATASET_MOVES[current].get(event, current)
