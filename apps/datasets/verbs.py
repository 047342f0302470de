"""What the audit says of acts on datasets."""

from typing import Final

VERBS: Final = {
    "datasets.aliases_changed": "The other names of a category were changed",
    "datasets.changed": "A dataset's settings were changed",
    "datasets.created": "A dataset was created",
    "datasets.deleted": "A dataset was deleted",
    "datasets.import_cancelled": "An import was cancelled",
    "datasets.import_retried": "A failed import was queued again",
    "datasets.import_started": "An import was started",
    "datasets.mapping_confirmed": "It was decided how an import is read",
    "datasets.upload_expired": "An upload was expired before its time",
    "datasets.source_changed": "A source was changed",
    "datasets.source_created": "A source was created",
    "datasets.source_deleted": "A source was taken away",
    "datasets.source_run": "A source was asked for its files",
    "datasets.profile_changed": "A profile of columns was changed",
    "datasets.profile_created": "A profile of columns was made",
    "datasets.profile_deleted": "A profile of columns was deleted",
    "datasets.reindexed": "The cells of a dataset's events were computed anew",
    "datasets.rollups_rebuilt": "The rollups of a segment were queued to be built anew",
    "datasets.version_dropped": "A version was given up before its time",
    "datasets.version_published": "An import published a version",
    "datasets.version_restored": "An earlier version was published again",
}
