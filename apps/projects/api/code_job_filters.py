"""What the lists of code jobs and their results can be narrowed by."""

from typing import Any

import django_filters
from django.db.models import QuerySet

from apps.common.db import JobStatus
from apps.common.filters import StrictFilterSet, id_of, one_of
from apps.projects.models import CodeJob
from apps.projects.states import CodeJobType


class CodeJobFilter(StrictFilterSet):
    """Code jobs by project, type and status."""

    project_id = id_of("project")
    type = one_of(CodeJobType)
    status = one_of(JobStatus)

    class Meta:
        model = CodeJob
        fields: list[str] = []


class DocsFilter(StrictFilterSet):
    """Results by type and by what they are about."""

    type = one_of(CodeJobType)
    path = django_filters.CharFilter(method="about", max_length=4_096)

    class Meta:
        model = CodeJob
        fields: list[str] = []

    def about(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        """Narrow to the results that are about a path."""
        return rows.filter(request__covers__contains=[value])
