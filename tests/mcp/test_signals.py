"""Signals over MCP: tools and the resource, and the walls around them."""

import json
from typing import Any

import pytest

from apps.accounts.models import Role
from apps.accounts.services import create_api_key
from apps.signals.models import Comment, Signal, Workflow
from tests.factories.signals import ROLE_TYPE, ObservationFactory, RunFactory, create_signal
from tests.furniture.people import Actors
from tests.mcp.conftest import KeyMaker, McpClient

pytestmark = pytest.mark.django_db
READ = ("mcp", "signals:read")
WORK = (*READ, "signals:write")
READING = {
    "signals_list",
    "signals_get",
    "signals_explain",
    "signals_history",
    "signals_contributions",
    "signals_runs",
}
ACTING = {"signals_assign", "signals_move", "signals_comment"}


@pytest.fixture
def signals(actors: Actors) -> list[Signal]:
    severities = (60, 95, 80, 95)
    return [
        create_signal(actors.organization, severity=severity, facility_id=f"FAC{number:03}")
        for number, severity in enumerate(severities)
    ]


@pytest.fixture
def client(mcp_key: KeyMaker) -> McpClient:
    return mcp_key(scopes=READ)


@pytest.fixture
def worker(mcp_key: KeyMaker) -> McpClient:
    return mcp_key(Role.ANALYST, WORK)


@pytest.fixture
def stranger(actors: Actors) -> McpClient:
    _, raw = create_api_key(
        actor=actors.stranger.actor, name="k", role=Role.ADMIN, scopes=[*WORK, "signals:manage"]
    )
    return McpClient(raw)


def places(page: dict[str, Any]) -> list[str]:
    return [row["facility_id"] for row in page["signals"]]


def test_a_reader_sees_no_writing_tool(client: McpClient, worker: McpClient) -> None:
    assert {name for name in client.tool_names() if name.startswith("signals_")} == READING
    assert {name for name in worker.tool_names() if name.startswith("signals_")} == READING | ACTING


def test_signals_are_listed_the_most_severe_first_page_by_page(
    client: McpClient, signals: list[Signal]
) -> None:
    first = client.call("signals_list", page_size=3)
    rest = client.call("signals_list", page_size=3, cursor=first["next_cursor"])
    assert sorted(places(first)[:2]) == ["FAC001", "FAC003"]
    assert (places(first)[2:], places(rest), rest["next_cursor"]) == (["FAC002"], ["FAC000"], None)
    # A cursor is good for the list it came from.
    other = client.problem("signals_list", cursor=first["next_cursor"], severity_min=1)
    assert other["code"] == "request.cursor_invalid"
    upwards = client.call("signals_list", sort="severity", page_size=1)
    assert places(upwards) == ["FAC000"]


def test_signals_are_narrowed(
    client: McpClient, worker: McpClient, signals: list[Signal], actors: Actors
) -> None:
    create_signal(actors.organization, signal_type="baseline", severity=35, facility_id="FAC009")
    worker.call("signals_assign", id=str(signals[2].pk), assignee_id=str(_admin(actors)), role_type=ROLE_TYPE)
    for arguments, found in (
        ({"severity_min": 81}, {"FAC001", "FAC003"}),
        ({"facility_id": ["FAC000", "FAC002"]}, {"FAC000", "FAC002"}),
        ({"attention": False}, {"FAC009"}),
        ({"signal_type": ["baseline"]}, {"FAC009"}),
        ({"status": ["assigned"]}, {"FAC002"}),
        ({"assignee": "me"}, {"FAC002"}),  # of whoever made the key
        ({"search": "FAC003"}, {"FAC003"}),
        ({"absent": "only"}, set()),
    ):
        assert set(places(client.call("signals_list", **arguments))) == found, arguments
    for wrong in ({"sort": "colour"}, {"status": ["done"]}, {"page_size": 0}, {"snoozed": True}):
        assert client.problem("signals_list", **wrong)["code"] == "request.invalid"


def test_a_signal_is_read_as_tool_and_as_resource_alike(client: McpClient, signals: list[Signal]) -> None:
    facts = client.call("signals_get", id=str(signals[0].pk))
    assert (facts["facility_id"], facts["severity"], facts["workflow"]["status"]) == ("FAC000", 60, "new")
    assert len(facts["timeline"]) == 12
    (content,) = client.result("resources/read", {"uri": facts["uri"]})["contents"]
    assert json.loads(content["text"]) == facts


def test_runs_are_listed(client: McpClient, signals: list[Signal]) -> None:
    run = signals[0].content_run
    assert run is not None
    (row,) = client.call("signals_runs", graph=run.graph.name, status="hydrated")["runs"]
    assert (row["run_id"], row["is_current"], row["error_code"]) == (run.run_id, True, None)
    assert client.call("signals_runs", status="waiting")["runs"] == []


def test_the_history_of_a_signal_names_runs_and_lines(client: McpClient, signals: list[Signal]) -> None:
    older = ObservationFactory.create(signal=signals[0], severity=50)
    newer = ObservationFactory.create(
        signal=signals[0], run=RunFactory.create(graph=signals[0].graph), aggregate_line=7
    )
    key = str(signals[0].pk)
    found = client.call("signals_history", id=key)["observations"]
    assert [(row["run"], row["severity"], row["line"]) for row in found] == [
        (newer.run.run_id, 60, 7),
        (older.run.run_id, 50, 1),
    ]
    assert found[0]["file"] == newer.aggregate_file.path
    assert len(client.call("signals_history", id=key, limit=1)["observations"]) == 1


def test_what_needs_rows_of_a_run_says_when_there_are_none(client: McpClient, signals: list[Signal]) -> None:
    for tool in ("signals_explain", "signals_contributions"):
        assert client.problem(tool, id=str(signals[0].pk))["code"] == "signals.run_pruned"


def test_a_signal_is_taken_moved_and_commented(
    worker: McpClient, signals: list[Signal], actors: Actors
) -> None:
    key = str(signals[0].pk)
    taken = worker.call("signals_assign", id=key, assignee_id=str(_admin(actors)), role_type=ROLE_TYPE)
    assert (taken["status"], taken["assignee"]["id"], taken["version"]) == (
        "assigned",
        str(_admin(actors)),
        2,
    )
    stale = worker.problem("signals_move", id=key, status="in_progress", version=1)
    assert stale["code"] == "precondition.failed"
    moved = worker.call("signals_move", id=key, status="in_progress", version=2)
    assert (moved["status"], moved["version"]) == ("in_progress", 3)
    refused = worker.problem("signals_move", id=key, status="closed")
    assert (refused["code"], refused["allowed"]) == (
        "signals.transition_not_allowed",
        ["assigned", "resolved"],
    )
    said = worker.call("signals_comment", id=key, body="Looking.", idempotency_key="once")
    assert worker.call("signals_comment", id=key, body="Looking.", idempotency_key="once") == said
    assert Comment.objects.get().body == "Looking."


def test_the_rules_of_triage_hold_for_programs(
    worker: McpClient, signals: list[Signal], actors: Actors
) -> None:
    key = str(signals[0].pk)
    other = actors.analyst.user
    assert other is not None
    problem = worker.problem("signals_assign", id=key, assignee_id=str(other.pk), role_type=ROLE_TYPE)
    assert problem["code"] == "permission.denied"
    assert worker.problem("signals_move", id=key, status="in_progress")["code"] == "permission.denied"
    assert Workflow.objects.get(signal=signals[0]).version == 1


def test_a_stranger_finds_nothing(stranger: McpClient, signals: list[Signal]) -> None:
    assert stranger.call("signals_list")["signals"] == []
    assert stranger.call("signals_runs")["runs"] == []
    key = str(signals[0].pk)
    for tool, arguments in (
        ("signals_get", {}),
        ("signals_explain", {}),
        ("signals_history", {}),
        ("signals_contributions", {}),
        ("signals_move", {"status": "closed"}),
        ("signals_comment", {"body": "Hm."}),
        ("signals_assign", {"assignee_id": key, "role_type": ROLE_TYPE}),
    ):
        assert stranger.problem(tool, id=key, **arguments)["code"] == "not_found"


def _admin(actors: Actors) -> Any:
    assert actors.admin.user is not None
    return actors.admin.user.pk
