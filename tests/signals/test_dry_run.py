"""A dry run tells exactly what the real one will do, and changes nothing."""

from collections import Counter
from typing import Any

from django.db import connection

from apps.common import jobs
from apps.signals.models import Event, Hydration, HydrationDiff, Run, Signal
from apps.signals.states import RunStatus
from tests.furniture.people import Actors
from tests.signals.marts import graph_of, make_marts, make_run, put, take_out
from tests.signals.stories import counted, hydrate, row_versions

FILLED = ("signals_node", "signals_edge", "signals_run", "signals_graph", "signals_run_finding")


def everything() -> dict[str, Any]:
    """Return the version of each row that a hydration could write."""
    found: dict[str, Any] = dict(row_versions())
    for table in FILLED:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT id, xmin::text FROM {table} ORDER BY id")
            found[table] = cursor.fetchall()
    return found


def two_runs(actors: Actors) -> tuple[Run, Run]:
    """Make two runs: in the second all but one changed, one is gone, one is new; the first is hydrated."""
    make_marts()
    graph = graph_of(actors.organization)
    first, second = make_run(graph, 2), make_run(graph, 3)
    for number in range(6):
        put(first, f"FAC{number:03}", severity=35)
        gone = put(second, f"FAC{number:03}", severity=36, timeline=[{"period": "2026-02-01", "value": 2.5}])
    take_out(second, gone)
    put(second, "FAC009")
    hydrate(first)
    return first, second


def test_it_tells_what_the_real_one_does_and_changes_no_row(actors: Actors) -> None:
    first, second = two_runs(actors)
    before = everything()

    rehearsed = hydrate(second, dry_run=True)

    assert rehearsed.status == "succeeded", rehearsed.error_trace
    assert counted(rehearsed) == {"incoming": 6, "created": 1, "changed": 5, "vanished": 1}
    assert everything() == before
    diff = HydrationDiff.objects.filter(hydration=rehearsed)
    assert Counter(diff.values_list("kind", flat=True)) == {"created": 1, "changed": 5, "vanished": 1}
    changed = diff.filter(kind="changed").first()
    assert changed is not None
    assert (changed.before["severity"], changed.after["severity"]) == (35, 36)
    assert changed.after["timeline"] == [{"period": "2026-02-01", "value": 2.5}]
    assert set(changed.before) == {"severity", "timeline", "data_period"}
    created = diff.get(kind="created")
    assert (created.before, created.after["facility_id"]) == (None, "FAC009")
    vanished = diff.get(kind="vanished")
    assert vanished.before == {"absent_since_run": None, "absent_runs": 0}
    assert vanished.after == {"absent_since_run": str(second.pk), "absent_runs": 1}

    real = hydrate(second)
    assert counted(real) == counted(rehearsed)
    assert real.events == rehearsed.events
    gone = Signal.objects.get(signal_key=vanished.signal_key)
    assert (gone.first_run, gone.absent_runs) == (first, 1)


def test_what_returns_relapses_and_is_skipped_is_in_the_diff(actors: Actors) -> None:
    first, second = two_runs(actors)
    hydrate(second)
    third = make_run(first.graph, 4)
    for number in range(6):
        put(third, f"FAC{number:03}", severity=37)
    put(third, "FAC009", signal_type=None)

    row = hydrate(third, dry_run=True)

    kinds = Counter(HydrationDiff.objects.filter(hydration=row).values_list("kind", flat=True))
    assert kinds == {"changed": 6, "returned": 1, "skipped": 1}
    assert counted(row) == {"incoming": 7, "changed": 6, "returned": 1, "skipped": 1}
    skipped = HydrationDiff.objects.get(kind="skipped")
    assert skipped.after == {"reason": "it has no type"}


def test_the_guard_stops_a_dry_run_as_it_would_the_real_one(actors: Actors) -> None:
    make_marts()
    graph = graph_of(actors.organization)
    first, second = make_run(graph, 2), make_run(graph, 3)
    keys = [put(first, f"FAC{number:03}") for number in range(20)]
    for number in range(20):
        put(second, f"FAC{number:03}")
    for key in keys[:7]:
        take_out(second, key)
    hydrate(first)

    row = hydrate(second, dry_run=True)

    assert (row.status, row.error_code, row.vanished) == ("failed", "signals.vanish_guard", 0)
    assert (second.status, graph.current_run_id) == (RunStatus.BUILT, None)
    assert not Event.objects.filter(event_type="technical_error").exists()
    assert counted(hydrate(second, dry_run=True, force=True))["vanished"] == 7


def test_a_dry_run_that_is_killed_leaves_one_diff_when_it_is_done_again(actors: Actors) -> None:
    _, second = two_runs(actors)
    row = hydrate(second, dry_run=True)
    before = HydrationDiff.objects.count()
    # As after a death between the stored diff and the job's end.
    Hydration.objects.filter(pk=row.pk).update(status="queued")
    jobs.execute("signals.hydrate", row.pk)
    assert HydrationDiff.objects.count() == before
