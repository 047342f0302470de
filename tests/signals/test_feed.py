"""The feed: each event once over the pages, and what each person has read."""

import datetime as dt
from typing import Any

import pytest

from apps.signals.models import Event, EventRead, Signal
from apps.signals.states import EventType
from apps.signals.triage.events import NewEvent, write_events
from tests.factories.signals import STARTED_AT, EventFactory, create_signal
from tests.furniture.people import Actors, Person
from tests.signals.triage import assign, comment, id_of, outcome, url

pytestmark = pytest.mark.django_db
FEED = "/api/v1/signals/feed"


@pytest.fixture
def signal(actors: Actors) -> Signal:
    return create_signal(actors.organization)


def feed(person: Person, **parameters: Any) -> list[dict[str, Any]]:
    answer = person.api.get(FEED, parameters)
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def unread_of(person: Person) -> int:
    return int(person.api.get(f"{FEED}/unread-count").json()["count"])


def read_through(person: Person, event_id: Any) -> Any:
    return person.api.post(f"{FEED}/read", {"through": str(event_id)}, format="json")


def tell(signal: Signal, count: int, at: dt.datetime = STARTED_AT) -> None:
    known = Event.objects.count()
    events = [
        NewEvent(EventType.NEW_SIGNAL, at, f"{known + number}", signal_id=signal.pk)
        for number in range(count)
    ]
    assert write_events(signal.organization_id, events) == count


def test_500_events_of_one_instant_appear_once_each_over_the_pages(actors: Actors, signal: Signal) -> None:
    """Edge case 32."""
    tell(signal, 500)
    seen: list[str] = []
    address: str | None = f"{FEED}?page_size=70"
    while address:
        page = actors.viewer.api.get(address).json()
        seen += [row["id"] for row in page["results"]]
        address = page["next"]
        if len(seen) == 140:
            tell(signal, 3, STARTED_AT + dt.timedelta(seconds=1))  # what comes meanwhile shifts nothing
    assert len(seen) == len(set(seen)) == 500
    assert set(seen) == {
        str(key) for key in Event.objects.filter(occurred_at=STARTED_AT).values_list("pk", flat=True)
    }


def test_what_one_has_read_is_unread_for_the_other(actors: Actors, signal: Signal) -> None:
    """Edge case 32."""
    tell(signal, 5)
    ids = [row["id"] for row in feed(actors.viewer)]
    marked = actors.viewer.api.post(f"{FEED}/{ids[0]}/read")
    assert (marked.status_code, marked.json()["unread"], marked.json()["id"]) == (200, False, ids[0])
    assert actors.viewer.api.post(f"{FEED}/{ids[0]}/read").status_code == 200
    assert [row["unread"] for row in feed(actors.viewer)] == [False, True, True, True, True]
    assert [row["unread"] for row in feed(actors.analyst)] == [True] * 5
    assert (unread_of(actors.viewer), unread_of(actors.analyst)) == (4, 5)


def test_all_up_to_an_event_are_read_in_the_order_of_the_feed(actors: Actors, signal: Signal) -> None:
    tell(signal, 4)
    tell(signal, 2, STARTED_AT + dt.timedelta(hours=1))
    ids = [row["id"] for row in feed(actors.viewer)]
    assert read_through(actors.viewer, ids[3]).json() == {"count": 3, "count_capped": False}
    assert [row["unread"] for row in feed(actors.viewer)] == [True, True, True, False, False, False]
    # Back in time is no step back, and single events beyond the mark stay read.
    actors.viewer.api.post(f"{FEED}/{ids[1]}/read")
    assert read_through(actors.viewer, ids[5]).json()["count"] == 2
    assert read_through(actors.viewer, ids[0]).json()["count"] == 0
    assert not EventRead.objects.exists()  # the mark speaks for them
    tell(signal, 1, STARTED_AT + dt.timedelta(hours=2))
    assert [row["unread"] for row in feed(actors.viewer)] == [True] + [False] * 6
    assert unread_of(actors.analyst) == 7


def test_only_events_that_one_sees_are_marked(actors: Actors, signal: Signal) -> None:
    tell(signal, 1)
    (event,) = feed(actors.viewer)
    assert outcome(actors.stranger.api.post(f"{FEED}/{event['id']}/read")) == (404, "not_found")
    assert outcome(read_through(actors.stranger, event["id"])) == (422, "request.invalid")
    assert outcome(actors.viewer.api.post(f"{FEED}/read", {}, format="json")) == (422, "request.invalid")
    assert outcome(actors.anonymous.api.get(FEED)) == (401, "auth.required")
    assert (feed(actors.stranger), unread_of(actors.stranger)) == ([], 0)


def test_a_program_reads_as_whoever_made_its_key(actors: Actors, signal: Signal) -> None:
    tell(signal, 2)
    assert read_through(actors.key, feed(actors.key)[0]["id"]).json()["count"] == 0
    assert (unread_of(actors.admin), unread_of(actors.manager)) == (0, 2)


def test_the_count_of_unread_stops_at_a_thousand(actors: Actors, signal: Signal) -> None:
    tell(signal, 1_001)
    found = actors.viewer.api.get(f"{FEED}/unread-count").json()
    assert found == {"count": 1_000, "count_capped": True}


def test_the_feed_is_filtered_by_type_signal_and_own_signals(actors: Actors, signal: Signal) -> None:
    mine = create_signal(actors.organization, assignee=actors.analyst.user)
    EventFactory.create(signal=mine)
    EventFactory.create(signal=signal)
    EventFactory.create(signal=signal, event_type=EventType.REGRESSION)

    def found(person: Person, **parameters: Any) -> list[tuple[str, str]]:
        return sorted((row["signal"]["id"], row["event_type"]) for row in feed(person, **parameters))

    new, worse = "new_signal", "regression"
    assert found(actors.viewer, event_type=worse) == [(str(signal.pk), worse)]
    assert len(found(actors.viewer, event_type=[new, worse])) == 3
    assert found(actors.viewer, signal=str(mine.pk)) == [(str(mine.pk), new)]
    assert found(actors.analyst, assignee="me") == [(str(mine.pk), new)]
    assert found(actors.viewer, assignee="me") == []
    for wrong in ({"assignee": "you"}, {"event_type": "snoozed"}, {"signal": "x"}, {"colour": "red"}):
        assert actors.viewer.api.get(FEED, wrong).status_code == 422


def test_an_event_says_what_happened_to_what_by_whom(actors: Actors, signal: Signal) -> None:
    assign(actors.manager, signal, actors.analyst)
    assert actors.manager.user
    assert actors.analyst.user
    (event,) = feed(actors.viewer)
    assert event["actor"] == {"id": str(id_of(actors.manager)), "name": actors.manager.user.name}
    assert event["people"] == [{"id": str(id_of(actors.analyst)), "name": actors.analyst.user.name}]
    assert event["signal"]["id"] == str(signal.pk)
    assert event["signal"]["facility_name"] == signal.facility_name
    assert (event["run"], event["payload"]["assignee"]) == (None, str(id_of(actors.analyst)))
    run_event = EventFactory.create(signal=None, organization=actors.organization, run=signal.content_run)
    row = next(row for row in feed(actors.viewer) if row["id"] == str(run_event.pk))
    assert signal.content_run
    assert (row["signal"], row["actor"], row["run"]["run_id"]) == (None, None, signal.content_run.run_id)


def test_the_activity_of_a_signal_is_its_part_of_the_feed(actors: Actors, signal: Signal) -> None:
    tell(create_signal(actors.organization), 1)
    assign(actors.analyst, signal, actors.analyst)
    comment(actors.analyst, signal, "Looking.")
    activity = actors.viewer.api.get(url(signal, "activity")).json()["results"]
    assert [row["event_type"] for row in activity] == ["comment", "assignment"]
    assert outcome(actors.stranger.api.get(url(signal, "activity"))) == (404, "not_found")


def test_the_feed_takes_a_constant_number_of_queries(actors: Actors, same_queries: Any) -> None:
    def happen() -> None:
        assign(actors.manager, create_signal(actors.organization), actors.analyst)

    same_queries("signals_feed", happen, lambda: actors.viewer.api.get(FEED))
