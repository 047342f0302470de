"""`GET /live/events`: the walls of the stream of server-sent events; `event_streams` streams it."""

from typing import Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from apps.accounts.callers import presence_by_credentials
from apps.accounts.event_streams import OPENING, Opening, Ticket
from apps.accounts.models import User
from apps.common.live import find_topic
from apps.common.live.archive import LiveUnavailable
from apps.common.live.topics import TOPIC_MAX_CHARS
from apps.common.viewsets import ResourceViewSet

TOPICS_MAX = 10
MEDIA_TYPE = "text/event-stream"
LAST_EVENT_ID = OpenApiParameter(
    "Last-Event-ID",
    str,
    OpenApiParameter.HEADER,
    description="The `id` of the last event received: what came since is sent first.",
)


class EventStreamRenderer(BaseRenderer):
    """Stands for the stream in the choice of a format."""

    media_type = MEDIA_TYPE
    format = "events"
    charset = "utf-8"


class EventsParameters(serializers.Serializer[Any]):
    """Which topics to watch."""

    topic = serializers.ListField(
        child=serializers.CharField(max_length=TOPIC_MAX_CHARS),
        min_length=1,
        max_length=TOPICS_MAX,
        help_text="Topics to watch; repeat the parameter for up to ten.",
    )


class LiveViewSet(ResourceViewSet[User]):
    """Live events over plain HTTP."""

    queryset = User.objects.none()
    renderer_classes = (EventStreamRenderer,)
    query_serializer_classes: ClassVar = {"events": EventsParameters}

    @extend_schema(parameters=[LAST_EVENT_ID], responses={(200, MEDIA_TYPE): OpenApiTypes.STR})
    @action(detail=False)
    def events(self, request: Request) -> HttpResponse:
        """Stream the events of topics, as server-sent events.

        Each event's `data` is the JSON of the websocket's; `id` says how far all topics are read. Events
        named `subscribed` (with `reset`: fetch the state again), `unsubscribed` and `closed` tell of the
        stream itself.
        """
        topics = tuple(dict.fromkeys(self.validated_query()["topic"]))
        for name in topics:
            topic = find_topic(self.actor, name)
            topic.address(self.actor, name)
            topic.check_row(self.actor, name)
        if request.method == "GET":
            self._leave_ticket(request, topics)
        # Some proxies hold an answer back until it is whole, unless told otherwise.
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return HttpResponse(content_type=f"{MEDIA_TYPE}; charset=utf-8", headers=headers)

    def _leave_ticket(self, request: Request, topics: tuple[str, ...]) -> None:
        """Leave a ticket for the stream; raises LiveUnavailable on a server that has none."""
        django_request: Any = request._request  # noqa: SLF001 - DRF's own name for Django's request
        opening = getattr(django_request, "scope", {}).get(OPENING)
        if not isinstance(opening, Opening):
            raise LiveUnavailable("Events are streamed by the ASGI server alone.")
        presence = presence_by_credentials(django_request, self.credentials)
        opening.ticket = Ticket(presence, topics, request.headers.get("Last-Event-ID"))
