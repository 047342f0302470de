"""The tables of datasets.

Under Citus event, term and reject are distributed by dataset_no; the others stay on the coordinator.
"""

from apps.datasets.models.dataset import Dataset
from apps.datasets.models.event import Event
from apps.datasets.models.evidence import Reject, RejectKind, Term, TermField
from apps.datasets.models.imports import Import, ImportFile
from apps.datasets.models.version import Segment, Version, VersionSegment

__all__ = [
    "Dataset",
    "Event",
    "Import",
    "ImportFile",
    "Reject",
    "RejectKind",
    "Segment",
    "Term",
    "TermField",
    "Version",
    "VersionSegment",
]
