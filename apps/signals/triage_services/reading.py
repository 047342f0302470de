"""What a person has read of the feed: single events, or all up to one."""

from django.db import transaction
from django.db.models import Q

from apps.accounts.models import User
from apps.accounts.permissions import Actor, require
from apps.common.errors import Forbidden
from apps.signals.models import Event, EventRead, ReadMark
from apps.signals.queries.feed import not_after


@transaction.atomic
def read_event(*, actor: Actor, event: Event) -> None:
    """Mark one event as read by the actor's person; repeatable. Raises Forbidden for who is none."""
    person = _person(actor)
    EventRead.objects.bulk_create(
        [EventRead(organization=actor.organization, user=person, event=event)], ignore_conflicts=True
    )


@transaction.atomic
def read_events_through(*, actor: Actor, event: Event) -> None:
    """Mark all events up to one, in the order of the feed, as read by the actor's person; repeatable.

    The mark never goes back. Raises Forbidden for who is no person.
    """
    person = _person(actor)
    place = {"read_through_at": event.occurred_at, "read_through_id": event.pk}
    mark, is_new = ReadMark.objects.get_or_create(
        organization=actor.organization, user=person, defaults=place
    )
    if not is_new:
        earlier = Q(read_through_at__lt=event.occurred_at) | Q(
            read_through_at=event.occurred_at, read_through_id__lt=event.pk
        )
        # Conditional, because another tab may have read further at this moment.
        ReadMark.objects.filter(earlier, pk=mark.pk).update(**place)
    covered = Event.objects.filter(not_after(event), organization=actor.organization)
    EventRead.objects.filter(organization=actor.organization, user=person, event__in=covered).delete()


def _person(actor: Actor) -> User:
    require(actor, "signals.view")
    if actor.person is None:
        raise Forbidden("What was read is a person's own; this key has nobody behind it.")
    return actor.person
