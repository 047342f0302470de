"""The endpoint of a dataset's summary."""

from dataclasses import asdict
from typing import Any, Final

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from apps.common.answers import Answer, answer_key, cached_answer
from apps.common.errors import NotFound
from apps.common.viewsets import ResourceViewSet
from apps.datasets.api.serializers import AreaField
from apps.datasets.models import Dataset
from apps.datasets.queries.scopes import Filters, open_scope
from apps.datasets.queries.summary import summarize
from apps.datasets.queries.terms import load_vocabularies

KEPT_S: Final = 3_600


class NamedCountOut(serializers.Serializer[Any]):
    """How many events have one name."""

    name = serializers.CharField()
    n = serializers.IntegerField()


class NumberedCountOut(serializers.Serializer[Any]):
    """How many events fall on one ISO weekday, or into one hour of the day."""

    no = serializers.IntegerField()
    n = serializers.IntegerField()


class ValueSummaryOut(serializers.Serializer[Any]):
    """The values of the events that have one, in nine significant digits."""

    n = serializers.IntegerField()
    mean = serializers.FloatField(allow_null=True)
    sd = serializers.FloatField(allow_null=True)
    min = serializers.FloatField(allow_null=True)
    p05 = serializers.FloatField(allow_null=True)
    p50 = serializers.FloatField(allow_null=True)
    p95 = serializers.FloatField(allow_null=True)
    max = serializers.FloatField(allow_null=True)


class DatasetSummaryOut(serializers.Serializer[Any]):
    """The current version in numbers; an event too coarse for a period is not in that period's counts."""

    dataset = serializers.UUIDField()
    version = serializers.IntegerField()
    rows = serializers.IntegerField()
    extent = AreaField(allow_null=True)
    by_category = NamedCountOut(many=True)
    by_label = NamedCountOut(many=True)
    by_month = NamedCountOut(many=True)
    by_weekday = NumberedCountOut(many=True)
    by_hour = NumberedCountOut(many=True)
    value = ValueSummaryOut()
    top_cells = NamedCountOut(many=True)


class SummaryViewSet(ResourceViewSet[Dataset]):
    """Datasets in numbers."""

    queryset = Dataset.objects.select_related("current_version")
    permission = "datasets.view"
    limit = "map"
    serializer_class = DatasetSummaryOut

    @extend_schema(operation_id="datasets_summary", responses=DatasetSummaryOut)
    def summary(self, request: Request, pk: str) -> HttpResponse:
        """Answer the current version in numbers: counts by name and time, values, the 20 fullest cells."""
        dataset = self.get_object()
        version = dataset.current_version
        if version is None:
            raise NotFound("The dataset has no version yet.")

        def build() -> Answer:
            scope = open_scope(dataset, version, Filters(), load_vocabularies([dataset.no])[dataset.no])
            cited = {"dataset": str(dataset.pk), "version": version.number}
            return Answer.json({**cited, **asdict(summarize(scope))})

        key = answer_key("datasets", "summary", [f"{dataset.no}.{version.number}"], "")
        answer = cached_answer(key, build, ttl_s=KEPT_S)
        headers = {"ETag": answer.etag, "Sextant-Version": str(version.number)}
        return HttpResponse(answer.body, content_type=answer.media_type, headers=headers)
