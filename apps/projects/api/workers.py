"""GET `/health/workers`: whether what somebody asks for will be worked on."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.serializers import TimeField
from apps.common.viewsets import ResourceViewSet
from apps.projects.models import Project
from apps.projects.queries.workers import QueueHealth, queue_services


class QueueServiceOut(serializers.Serializer[Any]):
    """How one queue is served."""

    queue = serializers.CharField()
    workers = serializers.IntegerField(help_text="Heard of within 60 s.")
    last_beat_at = TimeField(allow_null=True)
    state = serializers.ChoiceField(
        choices=[state.value for state in QueueHealth],
        help_text="degraded: no beat for 60 s; down: for 120 s.",
    )
    queued = serializers.IntegerField(help_text="Jobs that could run now.")
    oldest_queued_s = serializers.FloatField()


class WorkerHealthOut(serializers.Serializer[Any]):
    """How all queues are served."""

    queues = QueueServiceOut(many=True)


class WorkerHealthViewSet(ResourceViewSet[Project]):
    """The health of the workers."""

    queryset = Project.objects.none()
    permission = "projects.view"

    @extend_schema(responses=WorkerHealthOut, filters=False)
    def show(self, request: Request) -> Response:
        """Return how each queue is served, and what waits in it."""
        return Response(WorkerHealthOut({"queues": queue_services(now=timezone.now())}).data)
