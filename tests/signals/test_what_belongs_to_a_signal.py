"""Trend, contributions, relatives, details, reasons and lineage of signals, on the sample runs."""

import hashlib
import itertools
import json
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from apps.signals.models import Graph, Run, Signal
from apps.signals.queries.contributions import direction_of
from apps.signals.states import RunStatus
from tests.factories.signals import create_signal
from tests.furniture.people import Actors
from tests.signals import databases
from tests.signals.listing import ask, get
from tests.signals.stories import hydrate

pytestmark = pytest.mark.django_db

SAMPLES_ONLY = pytest.mark.skipif(not databases.SAMPLES.exists(), reason="needs ../shared/data")
FACILITY_NODE = "losIndex__medicareId__aggregate_time_period"
LINE_NODE = "losIndex__medicareId_vizientServiceLine__aggregate_time_period"


@pytest.fixture(scope="module")
def hydrated_database(built_database: databases.PreparedDatabase, django_db_blocker: Any) -> None:
    """Hydrate the runs once for the module; its clone goes with it."""
    with django_db_blocker.unblock():
        for run in Run.objects.in_run_order():
            assert hydrate(run).status == "succeeded"


@pytest.fixture
def hydrated(hydrated_database: None, built_runs: list[Run]) -> list[Run]:
    return built_runs


def find(actors: Actors, facility: str, line: str | None = None) -> Any:
    wanted = {"service_line": line} if line else {"groupby_label": "Facility-wide"}
    (row,) = get(actors.viewer, facility_id=facility, **wanted)["results"]
    return row


def part(actors: Actors, signal: Any, name: str, **query: Any) -> Any:
    return get(actors.viewer, f"/{signal['id']}/{name}", **query)


@SAMPLES_ONLY
def test_every_facility_adds_up_and_is_the_parent_of_its_children(
    hydrated: list[Run], actors: Actors
) -> None:
    details = set()
    for number in range(1, 19):
        signal = find(actors, f"FAC{number:03}")
        (group,) = part(actors, signal, "contributions")["groups"]
        for share in ("weight_share", "contribution_share"):
            total = sum(item[share] for item in group["items"]) + group["other"][share]
            assert total == pytest.approx(1, abs=1e-5), signal["facility_id"]
        assert group["share_valid"]
        details.add(json.dumps(part(actors, signal, "technical-details"), sort_keys=True))
    assert len(details) == 18


@SAMPLES_ONLY
def test_a_facility_has_four_children_each_of_which_knows_it(hydrated: list[Run], actors: Actors) -> None:
    signal = find(actors, "FAC001")
    children = part(actors, signal, "children")["results"]
    assert (len(children), signal["child_count"]) == (4, 4)
    assert {child["edge_type"] for child in children} == {"segments_into"}
    for child in children:
        (parent,) = part(actors, child, "parent")["results"]
        assert (parent["id"], parent["edge_type"]) == (signal["id"], "segments_into")
        above = part(actors, child, "contributions")
        assert above["parent"]["child_signal_id"] == child["id"]
        assert (above["parent_signal_id"], above["groups"]) == (signal["id"], [])
    assert part(actors, signal, "parent")["results"] == []
    assert part(actors, signal, "contributions")["parent"] is None
    assert part(actors, children[0], "children")["results"] == []


@SAMPLES_ONLY
def test_contributions_rank_by_absolute_excess_and_sum_up_the_rest(
    hydrated: list[Run], actors: Actors
) -> None:
    signal = find(actors, "FAC001")
    (group,) = part(actors, signal, "contributions", top_n=1)["groups"]
    (whole,) = part(actors, signal, "contributions")["groups"]
    sizes = [abs(item["excess"]) for item in whole["items"]]
    assert sizes == sorted(sizes, reverse=True)
    assert [item["rank"] for item in whole["items"]] == [1, 2, 3, 4]
    assert group["items"] == whole["items"][:1]
    rest = whole["items"][1:]
    assert (group["other"]["count"], whole["other"]["count"]) == (3, 0)
    for name in ("weight_value", "weight_share", "contribution_share", "excess"):
        assert group["other"][name] == pytest.approx(sum(item[name] for item in rest))
    for item in whole["items"]:
        assert item["direction"] == ("adverse" if item["excess"] > 0 else "favourable")
        assert item["label"] in item["description"]
        assert find(actors, "FAC001", item["label"])["id"] == item["child_signal_id"]
    assert part(actors, signal, "contributions", metric_id="none")["groups"] == []
    assert len(part(actors, signal, "contributions", child_node_id=[LINE_NODE, "none"])["groups"]) == 1
    assert ask(actors.viewer, f"/{signal['id']}/contributions", top_n=201).status_code == 422


@pytest.mark.parametrize(
    ("polarity", "excess", "direction"),
    [
        ("lower_is_better", 0.1, "adverse"),
        ("lower_is_better", -0.1, "favourable"),
        ("higher_is_better", 0.1, "favourable"),
        ("higher_is_better", -0.1, "adverse"),
        ("lower_is_better", 0.0, "equal"),
        ("lower_is_better", None, "equal"),
        ("neutral", 0.1, "equal"),
    ],
)
def test_direction_follows_polarity(polarity: str, excess: float | None, direction: str) -> None:
    assert direction_of(excess, polarity) == direction


@SAMPLES_ONLY
def test_explain_traces_every_input_to_its_line(hydrated: list[Run], actors: Actors) -> None:
    signal = find(actors, "FAC001")
    found = part(actors, signal, "explain")
    assert (
        (found["type"], found["severity"]) == (signal["signal_type"], signal["severity"]) == ("baseline", 36)
    )
    assert [rule["number"] for rule in found["rules"] if rule["decisive"]] == [10]
    assert found["reported"]["signal_type"] == "chronic_underperformer"
    refinements = found["severity_calculation"]["refinements"]
    assert found["severity_calculation"]["base"] + sum(item["adjustment"] for item in refinements) == 36
    traced = [item for item in found["inputs"] if item["path"] and item["formula"] is None]
    assert len(traced) == 7
    for item in traced:
        assert stated(found["run"], item) == item["value"], item
    changes = {change["input"]: change for change in found["changes"]}
    assert changes["slope_percentile"]["above"] == {
        "value": 70.0, "type": "chronic_underperformer", "inclusive": True,
    }  # fmt: skip


def stated(run: Any, item: Any) -> Any:
    """Return what stands in the file at the place that an input names."""
    path, _, pointer = item["path"].partition("#/")
    value = json.loads(line_of(run, path, item["line"]))
    return reduce(lambda at, key: at[int(key) if isinstance(at, list) else key], pointer.split("/"), value)


def line_of(run: Any, path: str, number: int) -> str:
    folder = Path(settings.RUNS_ROOT) / Graph.objects.get(runs__pk=run["id"]).root / run["run_id"]
    with (folder / path).open() as lines:
        return str(next(itertools.islice(lines, number - 1, None)))


@SAMPLES_ONLY
def test_lineage_leads_to_the_lines_that_hold_what_was_observed(hydrated: list[Run], actors: Actors) -> None:
    for row in get(actors.viewer, page_size=20, sort="encounters")["results"]:
        history = part(actors, row, "history")["results"]
        assert [said["run"]["id"] for said in history] == [str(run.pk) for run in reversed(hydrated)]
        found = part(actors, row, "lineage")
        check_line(found, history[0])
        older = part(actors, row, "lineage", run=history[2]["run"]["id"])
        check_line(older, history[2])
        assert older["mart_row"]["content_hash"] != found["mart_row"]["content_hash"]


def check_line(found: Any, observed: Any) -> None:
    """Compare a lineage with an observation, and both with the file."""
    place = found["aggregate"]["file"]
    text = line_of(found["run"], place["path"], place["line"])
    assert json.loads(text) == found["aggregate"]["payload"]
    assert json.loads(text)["metric"][0]["values"] == observed["metric_value"]
    assert found["mart_row"]["metric_value"] == observed["metric_value"]
    folder = Path(settings.RUNS_ROOT) / Graph.objects.get(runs__pk=found["run"]["id"]).root
    content = (folder / found["run"]["run_id"] / place["path"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == place["sha256"]
    assert found["build"]["dbt_version"]
    assert found["temporal"]["file"]["line"] == observed["temporal_line"]


@SAMPLES_ONLY
def test_a_trend_has_its_months_and_those_of_the_peers(hydrated: list[Run], actors: Actors) -> None:
    found = part(actors, find(actors, "FAC001"), "temporal")
    assert found["has_temporal_data"]
    assert len(found["timeline"]) == len(found["monthly_z_scores"]) == 12
    peers = found["peer_trends"]
    assert peers["periods"] == [month["period"] for month in found["timeline"]]
    assert all(low <= high for low, high in zip(peers["p10"], peers["p90"], strict=True))


@SAMPLES_ONLY
def test_history_stays_when_a_run_is_pruned_and_details_do_not(hydrated: list[Run], actors: Actors) -> None:
    signal = find(actors, "FAC001")
    Run.objects.filter(pk__in=[run.pk for run in hydrated]).update(status=RunStatus.PRUNED)
    for name in ("technical-details", "explain", "contributions"):
        answer = ask(actors.viewer, f"/{signal['id']}/{name}")
        assert (answer.status_code, answer.json()["code"]) == (409, "signals.run_pruned"), name
    assert len(part(actors, signal, "history")["results"]) == 3
    assert part(actors, signal, "lineage")["aggregate"]["file"]["line"] == 2


def test_a_signal_that_changes_no_more_is_shown_by_its_newest_run(
    hydrated_database: None, made_runs: list[Run], actors: Actors
) -> None:
    older, newer = made_runs
    actors.__dict__["organization"] = older.organization
    Signal.objects.update(content_run=older)
    row = get(actors.viewer, page_size=1, signal_type="baseline")["results"][0]
    assert part(actors, row, "technical-details")["run"]["id"] == str(newer.pk)
    assert part(actors, row, "explain")["type"] == "baseline"


def test_related_signals_share_facility_and_service_line_or_an_edge(actors: Actors) -> None:
    make = actors.organization
    signal = create_signal(make, facility_id="A", service_line="Cardiology", metric_id="losIndex")
    near = create_signal(make, facility_id="A", service_line="Cardiology", metric_id="icuCases", severity=91)
    create_signal(make, facility_id="A", service_line="Neurology", node_id="other")
    create_signal(make, facility_id="B", service_line="Cardiology")
    run = Run.objects.get(organization=make)
    run.edges.create(
        organization=make, source=signal.node_id, target="cost", edge_type="explains", category="semantic"
    )
    linked = create_signal(make, facility_id="A", node_id="cost", severity=99)
    found = get(actors.viewer, f"/{signal.pk}/related")["results"]
    assert [(row["id"], row["edge_type"]) for row in found] == [
        (str(linked.pk), "explains"),
        (str(near.pk), "same_facility_and_service_line"),
    ]
