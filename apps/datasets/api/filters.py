"""What the lists of datasets, imports and rejects can be narrowed by."""

import django_filters
from django import forms

from apps.common.db import JobStatus
from apps.common.filters import AnyOf, StrictFilterSet, id_of, one_of
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
    code = AnyOf(field_name="code", value_field=forms.CharField(max_length=40))
    file_no = django_filters.NumberFilter(field_name="file_no")

    class Meta:
        model = Reject
        fields: list[str] = []
