"""The tables of datasets.

Under Citus event, term, reject and rollup are distributed by dataset_no; the others stay on the coordinator.
"""

from apps.datasets.models.dataset import Dataset
from apps.datasets.models.event import Event
from apps.datasets.models.evidence import Reject, RejectKind, Term, TermField
from apps.datasets.models.imports import Import, ImportFile
from apps.datasets.models.rollup import Rollup
from apps.datasets.models.sources import Profile, Source, SourceMonth
from apps.datasets.models.upkeep import Upkeep
from apps.datasets.models.uploads import Upload
from apps.datasets.models.version import Segment, Version, VersionSegment

__all__ = [
    "Dataset",
    "Event",
    "Import",
    "ImportFile",
    "Profile",
    "Reject",
    "RejectKind",
    "Rollup",
    "Segment",
    "Source",
    "SourceMonth",
    "Term",
    "TermField",
    "Upkeep",
    "Upload",
    "Version",
    "VersionSegment",
]
