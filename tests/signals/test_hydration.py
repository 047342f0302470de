"""Hydration turns a run's rows into signals: exact counts, one history, nothing written twice."""

from apps.signals.models import Edge, Event, Node, Observation, RunFinding, Signal, Workflow
from apps.signals.states import RunStatus
from tests.furniture.people import Actors
from tests.signals.marts import FACILITY_NODE, LINE_NODE, graph_of, make_marts, make_run, put, take_out
from tests.signals.stories import counted, hydrate, row_versions, told


def test_a_first_run_creates_signals_observations_and_workflow_rows(actors: Actors) -> None:
    make_marts()
    run = make_run(graph_of(actors.organization), 2)
    put(run, "FAC001", signal_type="emerging_risk", severity=63)
    put(run, "FAC001", "Cardiology")
    put(run, "FAC002")

    row = hydrate(run)

    assert row.status == "succeeded", (row.error_code, row.error_detail, row.error_trace)
    assert counted(row) == {"incoming": 3, "created": 3}
    assert (run.status, run.graph.current_run_id) == (RunStatus.HYDRATED, run.pk)
    assert told(run) == {"new_signal": 1}
    assert row.events == 1
    assert Observation.objects.filter(run=run).count() == Workflow.objects.filter(status="new").count() == 3
    parent = Signal.objects.get(facility_id="FAC001", service_line=None)
    child = Signal.objects.get(service_line="Cardiology")
    assert (child.parent, parent.child_count, parent.first_detected_at) == (parent, 1, run.started_at)
    assert parent.monthly_z_scores == [0.5, None, 0.7]
    assert parent.pk.version == 7
    assert set(Node.objects.values_list("node_id", flat=True)) == {FACILITY_NODE, LINE_NODE}
    assert set(Edge.objects.values_list("edge_type", "category")) == {
        ("segments_into", "breakdown"),
        ("trends_to", "temporal"),
    }


def test_a_second_hydration_changes_no_row(actors: Actors) -> None:
    make_marts()
    run = make_run(graph_of(actors.organization), 2)
    for number in range(5):
        put(run, f"FAC{number:03}", signal_type="emerging_risk", severity=63)
        put(run, f"FAC{number:03}", "Cardiology")
    hydrate(run)
    before = row_versions()

    row = hydrate(run)

    assert counted(row) == {"incoming": 10, "unchanged": 10}
    assert row.events == 0
    assert row_versions() == before


def test_what_moved_vanished_and_came_back_is_counted_and_told(actors: Actors) -> None:
    make_marts()
    graph = graph_of(actors.organization)
    first, second, third = (make_run(graph, number) for number in (2, 3, 4))
    for run, severity, kind in (
        (first, 35, "baseline"),
        (second, 92, "critical_trajectory"),
        (third, 8, "baseline"),
    ):
        put(run, "FAC001", signal_type=kind, severity=severity)
        put(run, "FAC002", severity=30 + run.started_at.month)
        put(run, "FAC003", signal_type="suspect_data" if run is second else "baseline", severity=severity)
        gone = put(run, "FAC004")
    take_out(second, gone)

    assert counted(hydrate(first)) == {"incoming": 4, "created": 4}
    assert counted(hydrate(second)) == {"incoming": 3, "changed": 3, "vanished": 1}
    assert told(second) == {"regression": 1, "disappeared": 1}
    absent = Signal.objects.get(facility_id="FAC004")
    assert (absent.absent_since_run, absent.absent_runs) == (second, 1)
    assert counted(hydrate(third)) == {"incoming": 4, "changed": 4, "returned": 1}
    assert told(third) == {"improvement": 1, "reappeared": 1}
    absent.refresh_from_db()
    assert (absent.absent_since_run, absent.absent_runs, absent.first_run) == (None, 0, first)
    worse = Event.objects.get(event_type="regression")
    assert worse.payload["severity_before"] == 35
    assert worse.payload["signal_type"] == "critical_trajectory"
    assert Observation.objects.count() == 11


def test_rows_without_node_metric_or_type_are_skipped_with_a_finding(actors: Actors) -> None:
    make_marts()
    run = make_run(graph_of(actors.organization), 2)
    put(run, "FAC001", metric_value=None)
    put(run, "FAC002", node_id=None)
    put(run, "FAC003", metric_id=None)
    put(run, "FAC004", signal_type=None)
    put(run, "FAC005", facility_name="x" * 3_000)

    row = hydrate(run)

    assert row.status == "succeeded", row.error_trace
    assert counted(row) == {"incoming": 5, "created": 1, "skipped": 4}
    assert Signal.objects.get().metric_value is None
    messages = sorted(RunFinding.objects.values_list("message", flat=True))
    assert [message.split(": ")[1] for message in messages] == [
        "it has no metric.",
        "it has no node.",
        "it has no type.",
        "its names are too long.",
    ]


def test_a_late_run_adds_observations_and_leaves_signals_alone(actors: Actors) -> None:
    make_marts()
    graph = graph_of(actors.organization)
    late, current = make_run(graph, 2), make_run(graph, 3)
    put(current, "FAC001", severity=40)
    put(late, "FAC001", severity=90, signal_type="critical_trajectory")
    put(late, "FAC002", severity=90, signal_type="critical_trajectory")
    hydrate(current)
    known = row_versions()["signals_signal"]

    row = hydrate(late)

    assert counted(row) == {"incoming": 2, "created": 1, "unchanged": 1}
    assert known < row_versions()["signals_signal"]
    assert (told(late), late.status, graph.current_run_id) == ({}, RunStatus.HYDRATED, None)
    graph.refresh_from_db()
    assert graph.current_run == current
    alone = Signal.objects.get(facility_id="FAC002")
    assert (alone.absent_since_run, alone.absent_runs, alone.workflow.status) == (current, 1, "new")
    assert Observation.objects.filter(run=late).count() == 2
    assert counted(hydrate(late)) == {"incoming": 2, "unchanged": 2}


def test_a_part_of_a_run_lets_nothing_vanish_and_moves_neither_run_nor_graph(actors: Actors) -> None:
    make_marts()
    graph = graph_of(actors.organization)
    first, second = make_run(graph, 2), make_run(graph, 3)
    for number in range(6):
        put(first, f"FAC{number:03}")
        put(second, f"FAC{number:03}", severity=50)
    hydrate(first)

    row = hydrate(second, facilities=["FAC001", "FAC002"])
    assert counted(row) == {"incoming": 2, "changed": 2}
    assert counted(hydrate(second, limit=4))["incoming"] == 4
    assert (second.status, second.graph.current_run_id) == (RunStatus.BUILT, first.pk)
    assert not Signal.objects.filter(absent_since_run__isnull=False).exists()


def test_signals_of_nodes_that_the_run_lacks_stay_as_they_were(actors: Actors) -> None:
    make_marts()
    graph = graph_of(actors.organization)
    first, second = make_run(graph, 2), make_run(graph, 3, nodes=(FACILITY_NODE,))
    put(first, "FAC001")
    put(first, "FAC001", "Cardiology")
    put(second, "FAC001")
    hydrate(first)

    assert "vanished" not in counted(hydrate(second))
    child = Signal.objects.get(service_line="Cardiology")
    assert child.absent_since_run is None
    assert child.parent is not None
