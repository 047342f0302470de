"""Sending by pages, and by whoever is not served at the door before Django; the same parsers and answers."""

import hashlib
import time
from collections.abc import Mapping
from typing import IO, Any, ClassVar

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from apps.common import throttles
from apps.common.requests import read_capped
from apps.common.serializers import StrictSerializer
from apps.common.viewsets import ResourceViewSet
from apps.metrics.catalog import policy_of
from apps.metrics.doors.native.sending import Call, read_sending
from apps.metrics.doors.windows import window_at
from apps.metrics.metric_types import MetricType
from apps.metrics.models import Metric
from apps.metrics.recording import Mode, record_points


class RawJSONParser(BaseParser):
    """Hands a JSON body on as it is: the parser of the door reads it."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the bytes; raises TooLarge."""
        raw = read_capped(stream, settings.METRICS_MAX_BODY_BYTES)
        if parser_context:
            parser_context["request"].body_sha256 = hashlib.sha256(raw).digest()
        return raw


class PointIn(StrictSerializer):
    """One point."""

    metric = serializers.CharField(max_length=2_048, help_text="Name, or key with tags: `cpu;host=a`.")
    value = serializers.FloatField(required=False, help_text="A counter's amount is 1 unless it says else.")
    timestamp = serializers.JSONField(
        required=False, allow_null=True, help_text="Unix seconds or RFC 3339; absent means now."
    )
    tags = serializers.DictField(child=serializers.CharField(), required=False)


class TypedPointIn(PointIn):
    """One point of a batch."""

    type = serializers.ChoiceField(choices=MetricType.choices, required=False)


class ColumnsIn(StrictSerializer):
    """Points by column: lists of one length, or one value for all."""

    metric = serializers.JSONField()
    type = serializers.JSONField(required=False)
    value = serializers.JSONField(required=False)
    timestamp = serializers.JSONField(required=False)


class BatchIn(StrictSerializer):
    """1 to 10,000 points, as `points` or as `columns`."""

    points = TypedPointIn(many=True, required=False)
    columns = ColumnsIn(required=False)


class SentPointOut(serializers.Serializer[Any]):
    """What was stored."""

    metric = serializers.CharField()
    id = serializers.UUIDField()
    type = serializers.ChoiceField(choices=MetricType.choices)
    value = serializers.FloatField()
    recorded_at = serializers.DateTimeField()
    created = serializers.BooleanField()


class EchoOut(serializers.Serializer[Any]):
    """One point of a batch as it was understood."""

    metric = serializers.CharField()
    recorded_at = serializers.DateTimeField()


class FaultOut(serializers.Serializer[Any]):
    """Why an item was not stored."""

    pointer = serializers.CharField()
    code = serializers.CharField()
    detail = serializers.CharField()


class BatchOut(serializers.Serializer[Any]):
    """What became of a batch."""

    accepted = serializers.IntegerField()
    created = serializers.ListField(child=serializers.CharField(), help_text="New metrics, the first 100.")
    points = EchoOut(many=True, required=False)
    rejected = serializers.IntegerField(required=False)
    errors = FaultOut(many=True, required=False)  # type: ignore[assignment]  # the wire's own name
    rejected_by_code = serializers.DictField(child=serializers.CharField(), required=False)


BATCH_PARAMETERS = [
    OpenApiParameter(
        "mode", str, enum=[mode.value for mode in Mode], description="One fault refuses all, or only itself."
    ),
    OpenApiParameter("echo", bool, description="Answer with each point's metric and time, in order."),
]


class SendingViewSet(ResourceViewSet[Metric]):
    """Points in."""

    queryset = Metric.objects.none()
    permission = "metrics.write"
    limit = "points"
    parser_classes = (RawJSONParser,)
    serializer_class = SentPointOut
    upload_max_bytes = settings.METRICS_MAX_BODY_BYTES
    known: ClassVar[frozenset[str]] = frozenset({"mode", "echo"})

    @extend_schema(request=PointIn, responses={201: SentPointOut})
    @action(detail=False, methods=["post"])
    def counter(self, request: Request) -> HttpResponse:
        """Add an amount to a counter, which is made if it does not exist."""
        return self._record(Call.COUNTER)

    @extend_schema(request=PointIn, responses={201: SentPointOut})
    @action(detail=False, methods=["post"])
    def value(self, request: Request) -> HttpResponse:
        """Store a reading of a value, which is made if it does not exist."""
        return self._record(Call.VALUE)

    @extend_schema(request=BatchIn, parameters=BATCH_PARAMETERS, responses={201: BatchOut, 200: BatchOut})
    @action(detail=False, methods=["post"])
    def batch(self, request: Request) -> HttpResponse:
        """Store up to 10,000 points in one commit: all or, with `mode=partial`, those that are valid."""
        return self._record(Call.BATCH)

    def known_parameters(self) -> frozenset[str]:
        """Return the parameters; the parser judges them."""
        return self.known

    def _record(self, call: Call) -> HttpResponse:
        received_at_us = time.time_ns() // 1_000
        sent: Any = self.request.data
        # Without a body nothing is parsed, and DRF has an empty dictionary.
        body = sent if isinstance(sent, bytes) else b""
        window = window_at(received_at_us, policy_of(self.actor.organization.pk))
        sending = read_sending(call, body, self.request.query_params.dict(), window)
        # The request itself is counted already.
        throttles.take_for(self.actor.caller, self.limit, 0, points=len(sending.parsed.batch))
        recorded = record_points(
            actor=self.actor,
            parsed=sending.parsed,
            received_at_us=received_at_us,
            mode=sending.mode,
            untyped=sending.untyped,
            pointer=sending.pointer,
        )
        found = sending.answer(recorded)
        return HttpResponse(
            found.body, status=found.status, content_type=found.media_type, headers=dict(found.headers)
        )
