"""The feed: what happened to signals, and what each person has read of it."""

import uuid
from collections.abc import Sequence
from typing import Any, Final

from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q, QuerySet

from apps.accounts.models import Organization, User
from apps.accounts.permissions import Actor
from apps.accounts.queries import CappedCount
from apps.signals.models import Event, EventRead, ReadMark
from apps.signals.queries.assignees import names_of

UNREAD_COUNT_MAX: Final = 1_000
# Where events name people, by id.
PEOPLE_KEYS: Final = ("assignee", "previous_assignee")


def listed_events() -> QuerySet[Any]:
    """Return events with what is shown of their signal, run and actor."""
    rows: QuerySet[Any] = Event.objects.select_related("signal", "run", "actor")
    return rows


def with_unread(events: QuerySet[Any], actor: Actor) -> QuerySet[Any]:
    """Add `unread` to events: whether the actor's person has not read them. Issues one query."""
    unread = ExpressionWrapper(_is_unread(actor.organization, actor.person), output_field=BooleanField())
    rows: QuerySet[Any] = events.annotate(unread=unread)
    return rows


def count_unread(actor: Actor) -> CappedCount:
    """Return how many events the actor's person has not read, counted to UNREAD_COUNT_MAX."""
    events = Event.objects.visible_to(actor).filter(_is_unread(actor.organization, actor.person))
    number = events[: UNREAD_COUNT_MAX + 1].count()
    return CappedCount(min(number, UNREAD_COUNT_MAX), number > UNREAD_COUNT_MAX)


def attach_people(events: Sequence[Any]) -> None:
    """Give each event `people`: {id: name} of those that its payload names. Issues one query at most."""
    named = {event.pk: _named_in(event) for event in events}
    names = names_of(key for keys in named.values() for key in keys)
    for event in events:
        event.people = {key: names[key] for key in named[event.pk] if key in names}


def not_after(event: Event) -> Q:
    """Return the condition of the feed's events up to one, itself included; the order is time, then id."""
    return Q(occurred_at__lt=event.occurred_at) | Q(occurred_at=event.occurred_at, pk__lte=event.pk)


def _is_unread(organization: Organization, person: User | None) -> Q:
    """Return the condition of what a person has not read: beyond their mark, and not read by itself.

    A program without a person behind it has read nothing.
    """
    if person is None:
        return Q(pk__isnull=False)
    read = EventRead.objects.filter(organization=organization, user=person, event=OuterRef("pk"))
    unread = ~Q(Exists(read))
    mark = ReadMark.objects.filter(organization=organization, user=person).first()
    if mark is not None:
        at, last = mark.read_through_at, mark.read_through_id
        unread &= Q(occurred_at__gt=at) | Q(occurred_at=at, pk__gt=last)
    return unread


def _named_in(event: Event) -> list[uuid.UUID]:
    found = (event.payload.get(key) for key in PEOPLE_KEYS)
    return list(dict.fromkeys(uuid.UUID(value) for value in found if value))
