"""Whom triage tells what: the assignee, those who are mentioned, and nobody of their own acts."""

import datetime as dt

import pytest

from apps.accounts.models import Membership, Notification
from apps.signals.notices import tell_regression, tell_reopened
from tests.factories.signals import create_signal
from tests.furniture.people import Actors, Person
from tests.signals.triage import assign, comment

pytestmark = pytest.mark.django_db


def told(person: Person) -> list[tuple[str, str]]:
    rows = Notification.objects.filter(user=person.user).order_by("pk")
    return list(rows.values_list("kind", "title"))


def test_who_is_given_a_signal_is_told_and_who_takes_one_is_not(actors: Actors) -> None:
    signal = create_signal(actors.organization, facility_name="St. Mary")
    assign(actors.analyst, signal, actors.analyst)
    assert told(actors.analyst) == []
    assign(actors.analyst, signal, actors.manager, notes="Yours, please.")
    title = "You were given a signal: losIndex, St. Mary, Facility-wide"
    assert told(actors.manager) == [("signals.assigned", title)]
    notice = Notification.objects.get()
    assert (notice.body, notice.organization) == ("Yours, please.", actors.organization)
    assert (notice.target_type, notice.target_id) == ("signals.signal", str(signal.pk))
    # Given away and back is told again.
    assign(actors.manager, signal, actors.analyst)
    assign(actors.analyst, signal, actors.manager)
    assert len(told(actors.manager)) == 2


def test_who_is_mentioned_is_told_once_a_comment(actors: Actors) -> None:
    signal = create_signal(actors.organization)
    viewer, analyst, stranger = actors.viewer.user, actors.analyst.user, actors.stranger.user
    assert viewer
    assert analyst
    assert stranger
    made = comment(actors.analyst, signal, f"@{viewer.email} @{analyst.email} @{stranger.email} look").json()
    assert [kind for kind, _ in told(actors.viewer)] == ["signals.mentioned"]
    assert told(actors.viewer)[0][1].startswith(f"{analyst.name} mentions you: ")
    assert told(actors.analyst) == told(actors.stranger) == []
    address = f"/api/v1/signals/comments/{made['id']}"
    manager = actors.manager.user
    assert manager
    body = {"body": f"@{viewer.email} and @{manager.email} look"}
    assert actors.analyst.api.patch(address, body, format="json").status_code == 200
    assert (len(told(actors.viewer)), len(told(actors.manager))) == (1, 1)


def test_relapse_and_regression_are_told_once_a_run(actors: Actors) -> None:
    signal = create_signal(actors.organization, assignee=actors.analyst.user)
    run, user = signal.content_run, actors.analyst.user
    assert run
    assert user
    months = [dt.date(2026, 1, 1), dt.date(2026, 2, 1)]
    for _ in range(2):
        tell_reopened(signal=signal, user=user, run=run, months=months, needed=2, looked_at=3)
        tell_regression(signal=signal, user=user, run=run, before=60, after=95)
    assert [kind for kind, _ in told(actors.analyst)] == ["signals.reopened", "signals.regression"]
    bodies = Notification.objects.order_by("pk").values_list("body", flat=True)
    assert bodies[0].startswith("It is back in 2026-01, 2026-02 (2 of the last 3 are enough). ")
    assert bodies[1].startswith("The severity rose from 60 to 95. ")


def test_who_has_left_is_told_nothing(actors: Actors) -> None:
    signal = create_signal(actors.organization, assignee=actors.analyst.user)
    Membership.objects.filter(user=actors.analyst.user).delete()
    assert signal.content_run
    assert actors.analyst.user
    tell_regression(signal=signal, user=actors.analyst.user, run=signal.content_run, before=1, after=50)
    assert told(actors.analyst) == []


def test_notices_stand_among_the_preferences(actors: Actors) -> None:
    found = actors.viewer.api.get("/api/v1/notifications/preferences").json()["preferences"]
    kinds = {row["kind"] for row in found if row["kind"].startswith("signals.")}
    assert kinds == {"signals.assigned", "signals.mentioned", "signals.reopened", "signals.regression"}
