"""Every filter of the list of signals, and that sums take the same ones."""

import datetime as dt
from typing import Any

import pytest

from apps.signals.models import Run, Signal
from apps.signals.states import SignalType
from tests.factories.signals import GraphFactory, ObservationFactory, RunFactory, create_signal
from tests.furniture.people import Actors
from tests.signals.listing import ask, column, facilities, get

pytestmark = pytest.mark.django_db

LONG_NAME = ("Hôpital Saint-Étienne, Ear, Nose/Throat: A|B & Søns; " * 4)[:183].strip() + "é"


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("domain", ("Efficiency", "Safety", "Other")),
        ("facility_id", ("A", "B", "C")),
        ("facility_name", ("Hospital A, North", "Hôpital B", LONG_NAME)),
        ("system_name", ("S1", "S2", "S3")),
        ("service_line", ("Cardiology", "Ear, Nose/Throat: A|B", "Pédiatrie")),
        ("sub_service_line", ("x", "y", "z")),
        ("metric_id", ("losIndex", "icuCases", "other")),
        ("node_id", ("n1", "n2", "n3")),
        ("groupby_label", ("Facility-wide", "Service Line", "Other")),
        ("signal_type", ("baseline", "recovering", "emerging_risk")),
    ],
)
def test_a_text_is_matched_exactly_and_repeated_parameters_mean_any(
    actors: Actors, field: str, values: tuple[str, ...]
) -> None:
    for name, value in zip("ABC", values, strict=True):
        create_signal(actors.organization, **({"facility_id": name} | {field: value}))
    viewer = actors.viewer
    ids = {value: get(viewer, **{field: value})["results"] for value in values}
    assert all([row[field] for row in rows] == [value] for value, rows in ids.items())
    assert len(column(viewer, "id", **{field: list(values[1:])})) == 2
    assert get(viewer, "/summary", **{field: values[2]})["count"] == 1
    if field != "signal_type":
        assert facilities(viewer, **{field: "nowhere"}) == []


def test_a_name_of_184_characters_is_an_option_as_it_is(actors: Actors) -> None:
    assert len(LONG_NAME) == 184
    create_signal(actors.organization, facility_name=LONG_NAME, service_line="Ear, Nose/Throat: A|B")
    options = get(actors.viewer, "/filter-options")
    (name,) = options["facility_name"]["values"]
    assert name == {"value": LONG_NAME, "label": LONG_NAME, "count": 1}
    (found,) = get(actors.viewer, facility_name=name["value"])["results"]
    assert (found["facility_name"], found["service_line"]) == (LONG_NAME, "Ear, Nose/Throat: A|B")


def test_status_assignee_and_role_type_are_those_of_the_workflow(actors: Actors) -> None:
    make = actors.organization
    create_signal(make, facility_id="NEW")
    create_signal(make, facility_id="MINE", status="assigned", assignee=actors.analyst.user)
    create_signal(make, facility_id="HIS", status="in_progress", assignee=actors.manager.user)
    create_signal(make, facility_id="DONE", status="resolved", status__resolution_code="fixed")
    analyst = actors.analyst
    assert facilities(analyst, status="new") == ["NEW"]
    assert facilities(analyst, status=["assigned", "resolved"]) == ["DONE", "MINE"]
    assert facilities(analyst, assignee="me") == ["MINE"]
    assert facilities(analyst, assignee="none") == ["DONE", "NEW"]
    assert actors.manager.user is not None
    assert facilities(analyst, assignee=["none", str(actors.manager.user.pk)]) == ["DONE", "HIS", "NEW"]
    assert facilities(analyst, role_type="nursing_leadership") == ["HIS", "MINE"]
    assert get(analyst, "/summary")["by_status"] == {
        "new": 1, "assigned": 1, "in_progress": 1, "resolved": 1, "closed": 0,
    }  # fmt: skip


def test_flags_attention_agreement_graphs_and_runs(actors: Actors) -> None:
    graph = GraphFactory.create(organization=actors.organization, name="A")
    other = GraphFactory.create(organization=actors.organization, name="B")
    one = create_signal(
        actors.organization, graph=graph, facility_id="ONE", quality_flags=["few_periods", "no_trend"],
        classification_agrees=False,
    )  # fmt: skip
    create_signal(
        actors.organization, graph=other, facility_id="TWO", signal_type="baseline", severity=30,
        quality_flags=["polarity_assumed"], classification_agrees=True,
    )  # fmt: skip
    observed = ObservationFactory.create(signal=one)
    viewer = actors.viewer
    assert facilities(viewer, quality_flag="few_periods") == ["ONE"]
    assert facilities(viewer, quality_flag=["no_trend", "polarity_assumed"]) == ["ONE", "TWO"]
    assert facilities(viewer, attention="true") == ["ONE"]
    assert facilities(viewer, attention="false") == ["TWO"]
    assert facilities(viewer, attention="true", signal_type="baseline") == []
    assert facilities(viewer, classification_agrees="false") == ["ONE"]
    assert facilities(viewer, graph="A") == facilities(viewer, graph=str(graph.pk)) == ["ONE"]
    assert facilities(viewer, graph=["A", str(other.pk)]) == ["ONE", "TWO"]
    assert facilities(viewer, run=str(observed.run_id)) == ["ONE"]
    assert facilities(viewer, run=str(RunFactory.create(graph=graph).pk)) == []


def test_absent_signals_are_left_out_unless_asked_for(actors: Actors) -> None:
    create_signal(actors.organization, facility_id="HERE")
    run = Run.objects.get()
    create_signal(actors.organization, facility_id="GONE", absent_since_run=run, absent_runs=1)
    viewer = actors.viewer
    assert facilities(viewer) == facilities(viewer, absent="exclude") == ["HERE"]
    assert facilities(viewer, absent="only") == ["GONE"]
    assert facilities(viewer, absent="include") == ["GONE", "HERE"]
    (gone,) = get(viewer, absent="only")["results"]
    assert (gone["absent_since_run"], gone["absent_runs"]) == (str(run.pk), 1)


@pytest.mark.parametrize(
    ("field", "low", "high"),
    [
        ("severity", 91, 95),
        ("variance_percent", -7.5, 24_173.89),
        ("percentile_rank", 1.25, 99.5),
        ("data_period", "2025-11-01", "2025-12-01"),
        ("first_detected_at", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"),
    ],
)
def test_a_range_has_four_bounds(actors: Actors, field: str, low: Any, high: Any) -> None:
    for name, value in (("LOW", low), ("HIGH", high)):
        create_signal(actors.organization, facility_id=name, **{field: value})
    viewer = actors.viewer
    assert facilities(viewer, **{f"{field}__gte": high}) == ["HIGH"]
    assert facilities(viewer, **{f"{field}__gt": low}) == ["HIGH"]
    assert facilities(viewer, **{f"{field}__lt": high}) == ["LOW"]
    assert facilities(viewer, **{f"{field}__lte": high}) == ["HIGH", "LOW"]
    assert facilities(viewer, **{f"{field}__gte": low, f"{field}__lte": low}) == ["LOW"]


def test_a_month_stands_for_its_first_day(actors: Actors) -> None:
    create_signal(actors.organization, facility_id="DEC", data_period=dt.date(2025, 12, 1))
    assert facilities(actors.viewer, data_period__gte="2025-12") == ["DEC"]
    assert facilities(actors.viewer, data_period__gt="2025-12") == []


def test_search_finds_words_and_their_beginnings(actors: Actors) -> None:
    create_signal(
        actors.organization, facility_id="FAC001", facility_name="Hôpital Nord", service_line="Cardiology",
        description="Stays are longer than those of peers.",
    )  # fmt: skip
    create_signal(actors.organization, facility_id="FAC002", facility_name="West")
    viewer = actors.viewer
    for words in ("cardio", "CARDIOLOGY nord", "fac001", "longer peers", "hôp"):
        assert facilities(viewer, search=words) == ["FAC001"], words
    for words in ("nord west", "& | !", "'", "a:b", "\\", "xyz"):
        assert facilities(viewer, search=words) == [], words
    assert get(viewer, "/summary", search="west")["count"] == 1


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"signal_type": "nothing"}, "invalid_choice"),
        ({"status": "snoozed"}, "invalid_choice"),
        ({"assignee": "you"}, "invalid"),
        ({"run": "1"}, "invalid"),
        ({"attention": "yes"}, "invalid_choice"),
        ({"absent": "maybe"}, "invalid_choice"),
        ({"severity__gte": "high"}, "invalid"),
        ({"severity__gte": "nan"}, "invalid"),
        ({"variance_percent__lt": "1e999"}, "invalid"),
        ({"data_period__gte": "2026-13"}, "invalid"),
        ({"first_detected_at__gte": "2026-01-01T00:00:00"}, "invalid"),
        ({"search": "x" * 201}, "max_length"),
        ({"domain": ""}, "blank"),
        ({"snoozed": "only"}, "unknown_parameter"),
        ({"sort": "due_at"}, "sort_invalid"),
    ],
)
def test_a_wrong_value_is_named(actors: Actors, query: dict[str, str], code: str) -> None:
    paths = ("",) if "sort" in query else ("", "/summary", "/filter-options", "/facilities")
    for path in paths:
        answer = ask(actors.viewer, path, **query)
        (error,) = answer.json()["errors"]
        assert (answer.status_code, error["code"], error["parameter"]) == (422, code, next(iter(query)))


def test_bounds_beyond_what_a_column_holds_are_just_true_or_false(actors: Actors) -> None:
    create_signal(actors.organization, facility_id="A")
    assert facilities(actors.viewer, severity__lt="1e300") == ["A"]
    assert facilities(actors.viewer, severity__gt=1_000_000) == []
    assert get(actors.viewer, "/summary", severity__gt=1_000_000)["count"] == 0


def test_strangers_signals_are_nowhere(actors: Actors) -> None:
    create_signal(actors.organization)
    assert get(actors.stranger)["results"] == []
    assert get(actors.stranger, "/summary")["count"] == 0
    assert get(actors.stranger, "/facilities")["facilities"] == []
    assert all(not found["values"] for found in get(actors.stranger, "/filter-options").values())
    assert Signal.objects.count() == 1
    assert set(SignalType.values) == set(get(actors.stranger, "/summary")["by_type"])
