"""The endpoints of sources: where a dataset is filled from, and what became of each month."""

import datetime as dt
from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.serializers import OutSerializer, StrictSerializer
from apps.common.viewsets import ResourceViewSet
from apps.datasets import source_services
from apps.datasets.api.serializers import ImportOut
from apps.datasets.api.views import listed_imports, visible_dataset
from apps.datasets.models import Source, SourceMonth
from apps.datasets.models.sources import month_text
from apps.datasets.states import DuplicatePolicy, SourceKind

MONTHS_MAX = 240


@extend_schema_field({"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$", "example": "2024-03"})
class MonthField(serializers.Field[Any, Any, Any, Any]):
    """A month as YYYY-MM: its first day in Python."""

    def to_internal_value(self, data: Any) -> dt.date:
        """Return the first day; raises MonthInvalid."""
        return source_services.parse_month(str(data))

    def to_representation(self, value: Any) -> str:
        """Return the text."""
        return month_text(value)


class SourcePatch(StrictSerializer):
    """A change of a source."""

    template = serializers.CharField(max_length=2000, required=False)
    member_pattern = serializers.CharField(max_length=255, required=False, allow_blank=True)
    profile = serializers.UUIDField(required=False, allow_null=True)
    duplicates = serializers.ChoiceField(choices=DuplicatePolicy.choices, required=False)
    reject_limit = serializers.FloatField(min_value=0, max_value=1, required=False, allow_null=True)
    schedule = serializers.CharField(max_length=100, required=False, allow_blank=True)
    first_month = MonthField(required=False, allow_null=True)
    enabled = serializers.BooleanField(required=False)


class SourceIn(SourcePatch):
    """A new source."""

    dataset = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=SourceKind.choices)
    template = serializers.CharField(max_length=2000)


class SourceOut(OutSerializer):
    """A source and when it runs next."""

    dataset = serializers.UUIDField(source="dataset_id")
    profile = serializers.UUIDField(source="profile_id", allow_null=True)
    first_month = MonthField(allow_null=True)

    class Meta:
        model = Source
        fields = [
            "id", "dataset", "kind", "template", "member_pattern", "profile", "duplicates", "reject_limit",
            "schedule", "first_month", "enabled", "next_run_at", "last_run_at", "created_at", "updated_at",
        ]  # fmt: skip


class SourceMonthOut(serializers.Serializer[Any]):
    """What the last look at a month found."""

    month = MonthField()
    state = serializers.CharField()
    sha256 = serializers.SerializerMethodField()
    etag = serializers.CharField(allow_blank=True)
    latest_import = serializers.UUIDField(source="latest_import_id", allow_null=True)
    error_code = serializers.CharField(allow_blank=True)
    changed_at = serializers.DateTimeField()

    def get_sha256(self, row: SourceMonth) -> str | None:
        """Return the digest of the file that was loaded."""
        return bytes(row.sha256).hex() if row.sha256 is not None else None


class SourceRunIn(StrictSerializer):
    """Which months to ask for: a list, or from one to another; none for a source without months."""

    months = serializers.ListField(
        child=serializers.CharField(max_length=7), max_length=MONTHS_MAX, default=list
    )
    to = serializers.CharField(max_length=7, required=False)
    dry_run = serializers.BooleanField(default=False)
    force = serializers.BooleanField(default=False)

    def get_fields(self) -> dict[str, Any]:
        """Add `from`, a name that a class attribute cannot have."""
        return {**super().get_fields(), "from": serializers.CharField(max_length=7, required=False)}


class SourceRunOut(serializers.Serializer[Any]):
    """The imports that were queued, in the order of their months."""

    imports = ImportOut(many=True)


class SourceViewSet(ResourceViewSet[Source]):
    """Sources of all datasets."""

    queryset = Source.objects.select_related("dataset", "profile")
    offers = ("list", "retrieve", "create", "partial_update", "destroy")
    permission = "datasets.view"
    # An analyst may schedule what fills a dataset of their own: which one, the service sees.
    permissions = {
        "create": "datasets.ingest",
        "partial_update": "datasets.schedule",
        "destroy": "datasets.schedule",
        "run": "datasets.schedule",
    }
    limits = {"run": "ingest"}
    serializer_class = SourceOut
    in_serializer_class = SourceIn
    patch_serializer_class = SourcePatch

    def create_row(self, values: dict[str, Any]) -> Source:
        """Make the source."""
        dataset = visible_dataset(self.actor, str(values.pop("dataset")))
        return source_services.create_source(actor=self.actor, dataset=dataset, **values)

    def update_row(self, row: Source, values: dict[str, Any]) -> Source:
        """Change the source."""
        return source_services.update_source(actor=self.actor, source=row, **values)

    def delete_row(self, row: Source) -> None:
        """Take the source away."""
        source_services.delete_source(actor=self.actor, source=row)

    @extend_schema(responses=SourceMonthOut(many=True))
    @action(detail=True)
    def months(self, request: Request, pk: str) -> Response:
        """Return what became of each month that was asked for, the newest first."""
        months = SourceMonth.objects.filter(source=self.get_object()).order_by("-month")
        return Response(SourceMonthOut(months, many=True).data)

    @extend_schema(request=SourceRunIn, responses={202: SourceRunOut})
    @action(detail=True, methods=["post"])
    def run(self, request: Request, pk: str) -> Response:
        """Queue an import for each month asked for, or the one of a source without months."""
        source = self.get_object()
        values = self.validated(SourceRunIn)
        months = source_services.asked_months(values["months"], values.get("from"), values.get("to"))
        queued = source_services.run_source(
            actor=self.actor,
            source=source,
            months=months,
            dry_run=values["dry_run"],
            force=values["force"],
        )
        shown = listed_imports().filter(pk__in=[row.pk for row in queued]).order_by("no")
        return Response(SourceRunOut({"imports": shown}).data, status=202)
