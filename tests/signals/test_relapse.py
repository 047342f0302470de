"""What was resolved comes back by months of data after the fix, k of the last n; never by a mere sighting."""

import datetime as dt
from typing import Any

import pytest

from apps.accounts.models import Membership
from apps.signals.models import Assignment, Event, Graph, Run, Signal, Workflow
from apps.signals.policies import policy_of
from apps.signals.triage.relapse import Observed, find_relapse
from tests.factories.signals import assign
from tests.furniture.people import Actors
from tests.signals.marts import graph_of, make_marts, make_run, put, take_out
from tests.signals.stories import counted, hydrate, row_versions

FIXED = dt.date(2026, 1, 20)
A = "chronic_underperformer"


def months(*kinds: str) -> list[Observed]:
    """Return observations, the newest first; the first kind is of 2026-04."""
    return [Observed(kind, dt.date(2026, 4 - back, 1)) for back, kind in enumerate(kinds)]


@pytest.mark.parametrize(
    ("kinds", "rule", "expected"),
    [
        ((A, "baseline", "baseline"), (2, 3), None),
        ((A, "baseline", A), (2, 3), [2, 4]),
        ((A, A, A), (2, 3), [2, 3, 4]),
        # Now it is quiet: what was bad before does not count.
        (("baseline", A, A), (2, 3), None),
        ((A,), (1, 1), [4]),
        # January began before the fix.
        ((A, "baseline", "baseline", A), (2, 4), None),
        ((A, "baseline", "baseline", A), (2, 3), None),
        ((), (1, 1), None),
    ],
)
def test_k_of_the_last_n_months_after_the_fix_reopen(
    kinds: tuple[str, ...], rule: tuple[int, int], expected: list[int] | None
) -> None:
    relapse = find_relapse(months(*kinds), FIXED, rule)
    found = [month.month for month in relapse.months] if relapse else None
    assert found == expected


def resolve(signal: Signal, effective: dt.date, **columns: Any) -> None:
    fields = {"status": "resolved", "resolution_code": "fixed", "effective_date": effective} | columns
    Workflow.objects.filter(signal=signal).update(
        resolved_at=dt.datetime(2026, 2, 20, tzinfo=dt.UTC), **fields
    )


def three_runs(graph: Graph, *types: str) -> list[Run]:
    """Make runs of months 12, 1, 2, 3 whose one signal has these types, and hydrate the first."""
    runs = [make_run(graph, number) for number in range(2, 2 + len(types))]
    for run, kind in zip(runs, types, strict=True):
        put(run, signal_type=kind, severity=80 + run.started_at.month)
    hydrate(runs[0])
    return runs


def test_a_relapse_gives_the_signal_back_to_its_assignee_and_says_why(actors: Actors) -> None:
    make_marts()
    first, second, third = three_runs(graph_of(actors.organization), A, A, A)
    signal = Signal.objects.get()
    assert actors.analyst.user is not None
    assign(signal, actors.analyst.user)
    resolve(signal, FIXED, started_at=dt.datetime(2026, 2, 19, tzinfo=dt.UTC))

    assert "reopened" not in counted(hydrate(second))
    assert counted(hydrate(third))["reopened"] == 1

    workflow = Workflow.objects.get()
    assert (workflow.status, workflow.assignee, workflow.version) == ("assigned", actors.analyst.user, 2)
    assert (workflow.reopen_count, workflow.resolution_code, workflow.started_at) == (1, "", None)
    event = Event.objects.get(event_type="reopened")
    assert event.payload["months"] == ["2026-02-01", "2026-03-01"]
    assert (event.payload["k"], event.payload["n"], event.run) == (2, 3, third)
    assert event.payload["resolution"] == {"code": "fixed", "notes": "", "effective_date": "2026-01-20"}
    assert Assignment.objects.get().ended_at is None
    assert actors.analyst.user.notifications.filter(kind="signals.reopened").count() == 1
    assert first.pk != third.pk


def test_a_closed_signal_whose_assignee_has_left_is_new_again(actors: Actors) -> None:
    make_marts()
    _first, second = three_runs(graph_of(actors.organization), A, "critical_trajectory")
    signal = Signal.objects.get()
    assert actors.analyst.user is not None
    assign(signal, actors.analyst.user)
    resolve(signal, FIXED, status="closed", closed_at=dt.datetime(2026, 2, 21, tzinfo=dt.UTC))
    Membership.objects.filter(user=actors.analyst.user).delete()

    assert counted(hydrate(second))["reopened"] == 1

    workflow = Workflow.objects.get()
    assert (workflow.status, workflow.assignee, workflow.role_type) == ("new", None, None)
    assert workflow.closed_at is None
    assert Assignment.objects.get().end_reason == "left"


def test_resolved_today_and_data_of_last_month_do_not_reopen(actors: Actors) -> None:
    make_marts()
    _first, second, third = three_runs(graph_of(actors.organization), A, A, "critical_trajectory")
    resolve(Signal.objects.get(), dt.date(2026, 11, 1))

    assert "reopened" not in counted(hydrate(second)) | counted(hydrate(third))


def test_hydrating_a_run_again_reopens_nothing_that_people_resolved_since(actors: Actors) -> None:
    make_marts()
    _first, second = three_runs(graph_of(actors.organization), A, "critical_trajectory")
    hydrate(second)
    resolve(Signal.objects.get(), FIXED)
    before = row_versions()

    hydrate(second)
    # Also not where a rebuild changed the content: the same run told of the same month.
    assert row_versions() == before


def test_what_is_absent_in_three_runs_is_resolved_once_in_each_absence(actors: Actors) -> None:
    make_marts()
    graph = graph_of(actors.organization)
    runs = [make_run(graph, number) for number in range(2, 8)]
    for run in runs:
        put(run, "FAC001")
        gone = put(run, "FAC002", signal_type=A, severity=82)
        if run is not runs[0]:
            take_out(run, gone)
    hydrate(runs[0])
    absences = []
    for run in runs[1:4]:
        absences.append(counted(hydrate(run)).get("auto_resolved", 0))
        hydrate(run)
        absences.append(Signal.objects.get(facility_id="FAC002").absent_runs)
    assert absences == [0, 1, 0, 2, 1, 3]
    workflow = Workflow.objects.get(signal__facility_id="FAC002")
    assert (workflow.status, workflow.resolution_code, workflow.version) == ("resolved", "data_absent", 2)
    assert workflow.effective_date == runs[3].data_period
    event = Event.objects.get(event_type="status_change")
    assert (event.payload["from"], event.payload["to"], event.payload["absent_runs"]) == (
        "new",
        "resolved",
        3,
    )

    # Who takes it up again is not overruled by the run after.
    Workflow.objects.filter(pk=workflow.pk).update(status="in_progress")
    assert "auto_resolved" not in counted(hydrate(runs[4]))
    # Back with data of a later month: it counts, and one is enough for a policy of 1 of 1.
    assert workflow.effective_date is not None
    resolve(workflow.signal, workflow.effective_date)
    policy = policy_of(actors.organization)
    policy.relapse = {"default": [1, 1]}
    policy.save()
    put(runs[5], "FAC002", signal_type=A, severity=84)
    assert counted(hydrate(runs[5]))["reopened"] == 1
