"""What the lists of datasets, imports and rejects can be narrowed by."""

from apps.common.db import JobStatus
from apps.common.filters import StrictFilterSet, any_text, id_of, number_of, one_of
from apps.datasets.models import Dataset, Import, Reject, RejectKind
from apps.datasets.states import DatasetStatus, Outcome


class DatasetFilter(StrictFilterSet):
    """Datasets by status."""

    status = one_of(DatasetStatus)

    class Meta:
        model = Dataset
        fields: list[str] = []


class ImportFilter(StrictFilterSet):
    """Imports by dataset, status and outcome."""

    dataset = id_of("dataset")
    status = one_of(JobStatus)
    outcome = one_of(Outcome)

    class Meta:
        model = Import
        fields: list[str] = []


class RejectFilter(StrictFilterSet):
    """Evidence by kind, code and file."""

    kind = one_of(RejectKind)
    code = any_text("code")
    file_no = number_of("file_no")

    class Meta:
        model = Reject
        fields: list[str] = []
