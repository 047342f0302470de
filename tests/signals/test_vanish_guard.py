"""Half a run gone is a mistake: the guard lets nothing vanish until somebody says that it is meant."""

import pytest

from apps.signals.models import Event, Run, Signal
from apps.signals.policies import policy_of
from apps.signals.states import RunStatus
from tests.furniture.people import Actors
from tests.signals.marts import graph_of, make_marts, make_run, put, take_out
from tests.signals.stories import counted, hydrate, row_versions


def runs_of(actors: Actors, *, entities: int, gone: int) -> tuple[Run, Run]:
    """Make two runs, the second without `gone` of the first's entities, and hydrate the first."""
    make_marts()
    graph = graph_of(actors.organization)
    first, second = make_run(graph, 2), make_run(graph, 3)
    for number in range(entities):
        put(first, f"FAC{number:03}")
        key = put(second, f"FAC{number:03}", severity=50)
        if number < gone:
            take_out(second, key)
    hydrate(first)
    return first, second


def absent() -> int:
    return Signal.objects.filter(absent_since_run__isnull=False).count()


def test_too_many_at_once_do_not_vanish_but_the_rest_is_written(actors: Actors) -> None:
    _, second = runs_of(actors, entities=20, gone=7)

    row = hydrate(second)

    assert (row.status, row.error_code) == ("failed", "signals.vanish_guard")
    assert counted(row) == {"incoming": 13, "changed": 13}
    assert (second.status, second.error_code) == (RunStatus.GUARDED, "signals.vanish_guard")
    assert second.graph.current_run == second
    assert absent() == 0
    event = Event.objects.get(event_type="technical_error")
    assert event.payload == {"code": "signals.vanish_guard", "present": 20, "would_vanish": 7}
    before = row_versions()
    assert hydrate(second).status == "failed"
    assert row_versions() == before

    forced = hydrate(second, force=True)
    assert counted(forced) == {"incoming": 13, "unchanged": 13, "vanished": 7}
    assert (second.status, second.error_code, absent()) == (RunStatus.HYDRATED, "", 7)


@pytest.mark.parametrize(("entities", "gone"), [(20, 6), (19, 19 - 1)])
def test_a_share_that_is_allowed_and_few_signals_vanish(actors: Actors, entities: int, gone: int) -> None:
    _, second = runs_of(actors, entities=entities, gone=gone)
    assert counted(hydrate(second))["vanished"] == gone == absent()


def test_the_share_is_the_policys(actors: Actors) -> None:
    _, second = runs_of(actors, entities=20, gone=6)
    policy = policy_of(actors.organization)
    policy.vanish_guard = 0.25
    policy.save()
    assert hydrate(second).error_code == "signals.vanish_guard"


def test_absence_is_counted_by_runs_that_were_gone_through(actors: Actors) -> None:
    first, second = runs_of(actors, entities=24, gone=2)
    third = make_run(first.graph, 4)
    for number in range(2, 12):
        put(third, f"FAC{number:03}")
    hydrate(second)
    # Twelve of 22 would vanish: this run is guarded and counts for nobody.
    assert hydrate(third).status == "failed"
    assert set(Signal.objects.exclude(absent_runs=0).values_list("absent_runs", flat=True)) == {1}
    hydrate(third, force=True)
    hydrate(third)
    counts = list(
        Signal.objects.exclude(absent_runs=0).order_by("absent_runs").values_list("absent_runs", flat=True)
    )
    assert counts == [1] * 12 + [2] * 2
