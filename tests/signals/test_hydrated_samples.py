"""The sample runs, hydrated one after the other, give every figure that the format page promises."""

import datetime as dt
from collections import Counter

import pytest
from django.db import connection

from apps.signals.models import Event, HydrationDiff, Observation, Run, Signal, Workflow
from tests.signals.databases import SAMPLES
from tests.signals.stories import counted, hydrate, row_versions, told

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not SAMPLES.exists(), reason="the sample runs are not here"),
]
FIXED = dt.date(2026, 1, 20)


def of(facility: str, line: str | None = None) -> Signal:
    return Signal.objects.get(facility_id=facility, service_line=line)


def resolve(signal: Signal, effective: dt.date) -> None:
    rows = Workflow.objects.filter(signal=signal)
    rows.update(status="resolved", resolution_code="fixed", effective_date=effective, version=2)


def test_three_runs_and_the_third_again_give_the_promised_figures(built_runs: list[Run]) -> None:
    first, second, third = built_runs
    assert counted(hydrate(first)) == {"incoming": 89, "created": 89}
    assert told(first) == {"new_signal": 23}
    assert (Signal.objects.count(), Observation.objects.count()) == (89, 89)
    parent = of("FAC001")
    assert (parent.signal_type, parent.severity) == ("chronic_underperformer", 84)
    assert [part["adjustment"] for part in parent.severity_calculation["refinements"]][:3] == [2, 1, -1]
    assert parent.child_count == 4
    assert set(Signal.objects.filter(parent=parent).values_list("facility_id", flat=True)) == {"FAC001"}
    assert (of("FAC005", "Cardiology").signal_type, of("FAC005", "Cardiology").severity) == (
        "chronic_underperformer",
        86,
    )

    assert counted(hydrate(second)) == {"incoming": 88, "changed": 88, "vanished": 1}
    assert told(second) == {"regression": 9, "improvement": 6, "disappeared": 1}
    absent = Signal.objects.exclude(absent_since_run=None).get()
    assert (absent.facility_id, absent.service_line, absent.absent_since_run) == (
        "FAC002",
        "Orthopedics",
        second,
    )
    assert (Signal.objects.count(), Observation.objects.count()) == (89, 177)
    assert of("FAC002").child_count == 3
    assert of("FAC005", "Cardiology").severity == 98

    assert counted(hydrate(third)) == {"incoming": 89, "changed": 89, "returned": 1}
    assert told(third) == {"regression": 9, "improvement": 12, "reappeared": 1}
    assert (Signal.objects.present().count(), Observation.objects.count()) == (89, 266)
    parent.refresh_from_db()
    assert (parent.signal_type, parent.severity) == ("baseline", 36)

    before = row_versions()
    again = hydrate(third)
    assert counted(again) == {"incoming": 89, "unchanged": 89}
    assert again.events == 0
    assert row_versions() == before
    assert Event.objects.count() == 23 + 16 + 22


def test_a_dry_run_of_the_second_run_tells_it_to_the_figure(built_runs: list[Run]) -> None:
    first, second, _ = built_runs
    hydrate(first)
    before = row_versions()

    rehearsed = hydrate(second, dry_run=True)

    assert counted(rehearsed) == {"incoming": 88, "changed": 88, "vanished": 1}
    diff = HydrationDiff.objects.filter(hydration=rehearsed)
    assert Counter(diff.values_list("kind", flat=True)) == {"changed": 88, "vanished": 1}
    assert all(row.before and row.after and row.before.keys() == row.after.keys() for row in diff)
    assert row_versions() == before
    real = hydrate(second)
    assert (counted(real), real.events) == (counted(rehearsed), rehearsed.events)
    for row in diff.filter(kind="changed")[:20]:
        stored = Signal.objects.filter(signal_key=row.signal_key).values().get()
        assert stored["severity"] == row.after.get("severity", stored["severity"])
        assert stored["metric_value"] == row.after["metric_value"] != row.before["metric_value"]


@pytest.mark.parametrize(("effective", "reopened"), [(FIXED, [1, 1]), (dt.date(2026, 11, 29), [0, 0])])
def test_what_was_fixed_in_january_comes_back_by_its_months(
    built_runs: list[Run], effective: dt.date, reopened: list[int]
) -> None:
    first, second, third = built_runs
    hydrate(first)
    for signal in (of("FAC014"), of("FAC005", "Cardiology")):
        resolve(signal, effective)

    assert [hydrate(run).reopened for run in (second, third)] == reopened

    events = Event.objects.filter(event_type="reopened").order_by("occurred_at")
    if sum(reopened):
        assert [(event.signal.facility_id, event.run) for event in events] == [
            ("FAC005", second),
            ("FAC014", third),
        ]
        assert [event.payload["months"] for event in events] == [
            ["2026-02-01"],
            ["2026-02-01", "2026-03-01"],
        ]
    else:
        assert not events


def test_peer_trends_stand_on_the_temporal_nodes_as_months(built_runs: list[Run]) -> None:
    hydrate(built_runs[0])
    nodes = {node.node_id: node for node in built_runs[0].nodes.all()}
    assert len(nodes) == 4
    trends = [node.peer_trends for node in nodes.values() if node.is_temporal]
    assert all(found and found["periods"][0] == "2025-02-01" and len(found["p50"]) == 12 for found in trends)
    assert sorted(built_runs[0].edges.values_list("category", flat=True)) == [
        "breakdown",
        "temporal",
        "temporal",
    ]


def test_every_observation_leads_to_its_line(built_runs: list[Run]) -> None:
    hydrate(built_runs[0])
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM signals_observation o JOIN raw_entity_results e ON e.run_id = o.run_id "
            "AND e.file_id = o.aggregate_file_id AND e.line_no = o.aggregate_line "
            "AND e.metric_value = o.metric_value"
        )
        assert cursor.fetchone() == (89,)
