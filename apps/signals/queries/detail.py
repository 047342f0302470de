"""One signal: everything about it, and the tag that says whether it is still the same."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from apps.accounts.permissions import Actor
from apps.common.etags import strong_etag
from apps.signals.models import Annotation, Event, Signal
from apps.signals.queries.feed import with_unread
from apps.signals.queries.listing import Shown, show_signals, with_company, workflow_of


@dataclass(frozen=True, slots=True)
class SignalDetail:
    """A signal as it is shown on its own; `unread` counts events that the asking person has not read."""

    shown: Shown
    why_matters: str | None
    unread: int


def detailed_signals() -> QuerySet[Signal]:
    """Return signals with all their columns and what is shown with them."""
    return with_company(Signal.objects.all())


def describe_signal(signal: Signal, *, actor: Actor, now: datetime) -> SignalDetail:
    """Return a signal of `detailed_signals` as it is shown on its own. Issues four queries."""
    annotation = annotation_of(signal)
    return SignalDetail(
        shown=show_signals([signal], now=now)[0],
        why_matters=annotation.why_matters if annotation is not None else None,
        unread=count_unread(signal, actor=actor),
    )


def annotation_of(signal: Signal) -> Annotation | None:
    """Return what people wrote over a signal, None if nothing."""
    found: Annotation | None = getattr(signal, "annotation", None)
    return found


def tag_of(signal: Signal, *more: str) -> str:
    """Return the strong tag of a signal: of its content, its workflow's version and its annotation.

    What changes with the clock or with who asks (days_open, unread) is left out: it is no change of the
    signal, and If-Match must not fail for it. `more`: what else decides the bytes, such as a projection.
    """
    annotation = annotation_of(signal)
    return strong_etag(
        str(signal.pk),
        bytes(signal.content_hash),
        f"{signal.absent_since_run_id} {signal.absent_runs} {signal.parent_id} {signal.child_count}",
        signal.last_changed_at.isoformat(),
        str(workflow_of(signal).version),
        annotation.updated_at.isoformat() if annotation is not None else "",
        *more,
    )


def count_unread(signal: Signal, *, actor: Actor) -> int:
    """Return how many events of a signal the person behind an actor has not read. Issues two queries."""
    events = Event.objects.visible_to(actor).filter(signal=signal)
    return with_unread(events, actor).filter(unread=True).count()
