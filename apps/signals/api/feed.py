"""The endpoints of the feed: what happened to signals, and what the caller has read of it."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.errors import FieldError, Invalid
from apps.common.filters import TIME_BOUNDS, Choice, StrictFilterSet, id_of, one_of
from apps.common.serializers import OutSerializer, StrictSerializer
from apps.common.viewsets import ResourceViewSet
from apps.signals import triage_services
from apps.signals.api.triage import visible_signal
from apps.signals.api.triage_serializers import SignalPersonOut
from apps.signals.models import Event
from apps.signals.queries import feed
from apps.signals.states import EventType


class EventFilter(StrictFilterSet):
    """`event_type` and `signal` (repeated means any of), `assignee=me`, and bounds of the time."""

    event_type = one_of(EventType)
    signal = id_of("signal")
    assignee = Choice(choices=[("me", "me")], method="of_mine")

    class Meta:
        model = Event
        fields = {"occurred_at": TIME_BOUNDS}

    def of_mine(self, rows: QuerySet[Event], _name: str, _value: str) -> QuerySet[Event]:
        """Narrow to the signals that the caller has now."""
        return rows.filter(signal__workflow__assignee=self.request.actor.person)


class EventSignalOut(serializers.Serializer[Any]):
    """Which signal an event is about."""

    id = serializers.UUIDField(source="pk")
    metric_id = serializers.CharField()
    facility_id = serializers.CharField(allow_null=True)
    facility_name = serializers.CharField(allow_null=True)
    groupby_label = serializers.CharField()
    group_value = serializers.CharField()
    signal_type = serializers.CharField()
    severity = serializers.IntegerField()


class EventRunOut(serializers.Serializer[Any]):
    """Which run an event came with."""

    id = serializers.UUIDField(source="pk")
    run_id = serializers.CharField()


class EventOut(OutSerializer):
    """What happened. `payload` names people by id; `people` has their names."""

    event_type = serializers.ChoiceField(choices=EventType.choices)
    signal = EventSignalOut(allow_null=True)
    run = EventRunOut(allow_null=True)
    actor = SignalPersonOut(allow_null=True)
    payload = serializers.DictField()
    people = serializers.SerializerMethodField()
    unread = serializers.BooleanField()

    class Meta:
        model = Event
        fields = [
            "id", "event_type", "signal", "run", "actor", "payload", "people", "occurred_at", "unread",
        ]  # fmt: skip

    @extend_schema_field(SignalPersonOut(many=True))
    def get_people(self, row: Any) -> Any:
        """Return the people of the payload that are still there; the view has looked the names up."""
        return [{"id": str(key), "name": name} for key, name in row.people.items()]


class ReadThroughIn(StrictSerializer):
    """Up to which event, that one included, all have been read."""

    through = serializers.UUIDField()


class UnreadOut(serializers.Serializer[Any]):
    """How many events are unread, counted to 1,000."""

    count = serializers.IntegerField(source="number")
    count_capped = serializers.BooleanField(source="is_capped")


class EventViewSet(ResourceViewSet[Event]):
    """What all views of events share: who is named, and whether the caller has read them."""

    queryset = feed.listed_events()
    permission = "signals.view"
    serializer_class = EventOut
    sort_fields = {"occurred_at": "occurred_at"}
    default_sort = "-occurred_at"

    def get_queryset(self) -> Any:
        """Return the events that the caller may see, each with `unread`."""
        rows = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return rows
        return feed.with_unread(rows, self.actor)

    def answer(self, row: Any, *, many: bool = False) -> Any:
        """Look the names up, once for all rows, and answer."""
        rows = row if many else [row]
        feed.attach_people(rows)
        return super().answer(row, many=many)


class FeedViewSet(EventViewSet):
    """The feed of the organization, the newest first."""

    offers = ("list",)
    filterset_class = EventFilter

    @extend_schema(request=None, responses=EventOut)
    @action(detail=True, methods=["post"])
    def read(self, request: Request, pk: str) -> Response:
        """Mark one event as read by the caller."""
        triage_services.read_event(actor=self.actor, event=self.get_object())
        return Response(self.answer(self.get_object()))

    @extend_schema(request=ReadThroughIn, responses=UnreadOut)
    @action(detail=False, methods=["post"], url_path="read", url_name="read-through")
    def read_through(self, request: Request) -> Response:
        """Mark all events up to one as read by the caller; answers how many are unread then."""
        wanted = self.validated(ReadThroughIn)["through"]
        event = Event.objects.visible_to(self.actor).filter(pk=wanted).first()
        if event is None:
            raise Invalid(errors=[FieldError("There is no such event.", pointer="/through")])
        triage_services.read_events_through(actor=self.actor, event=event)
        return self._unread()

    @extend_schema(responses=UnreadOut)
    @action(detail=False, url_path="unread-count")
    def unread_count(self, request: Request) -> Response:
        """Count what the caller has not read."""
        return self._unread()

    def _unread(self) -> Response:
        return Response(UnreadOut(feed.count_unread(self.actor)).data)


class ActivityViewSet(EventViewSet):
    """What happened to one signal, the newest first."""

    offers = ("list",)

    def get_queryset(self) -> Any:
        """Return the events of the signal in the address."""
        rows = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return rows
        return rows.filter(signal=visible_signal(self.actor, self.kwargs["signal_id"]))
