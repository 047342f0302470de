"""Metrics over MCP: tools and the resource, and the walls around them."""

import datetime as dt
import json
import time
from typing import Any

import pytest

from apps.accounts.models import Role
from apps.accounts.services import create_api_key
from apps.metrics.metric_types import MetricType
from apps.metrics.models import Metric, PointSegment
from tests.factories.metrics import create_metric, keep, send
from tests.furniture.people import Actors
from tests.mcp.conftest import KeyMaker, McpClient, error_of

pytestmark = pytest.mark.django_db

NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def metrics(actors: Actors) -> list[Metric]:
    keys = ("cpu.load;host=a", "cpu.load;host=b", "disk")
    rows = [create_metric(actors.organization, key) for key in keys]
    return [*rows, create_metric(actors.organization, "hits", MetricType.COUNTER, description="Visits")]


@pytest.fixture
def stranger(actors: Actors) -> McpClient:
    scopes = ["mcp", "metrics:read", "metrics:write", "metrics:manage"]
    _, raw = create_api_key(actor=actors.stranger.actor, name="k", role=Role.ADMIN, scopes=scopes)
    return McpClient(raw)


@pytest.fixture
def client(mcp_key: KeyMaker) -> McpClient:
    return mcp_key(scopes=("mcp", "metrics:read"))


def keys(page: dict[str, Any]) -> list[str]:
    return [row["metric"] for row in page["metrics"]]


def test_metrics_are_found_newest_first_page_by_page(client: McpClient, metrics: list[Metric]) -> None:
    first = client.call("metrics_search", page_size=3)
    assert keys(first) == ["hits", "disk", "cpu.load;host=b"]
    rest = client.call("metrics_search", page_size=3, cursor=first["next_cursor"])
    assert (keys(rest), rest["next_cursor"]) == (["cpu.load;host=a"], None)


def test_metrics_are_narrowed(client: McpClient, metrics: list[Metric]) -> None:
    for arguments, found in (
        ({"search": "VISITS"}, ["hits"]),
        ({"prefix": "cpu."}, ["cpu.load;host=b", "cpu.load;host=a"]),
        ({"tags": {"host": "a"}}, ["cpu.load;host=a"]),
        ({"type": "counter"}, ["hits"]),
        ({"match": ["d*", "hi?s"]}, ["hits", "disk"]),
    ):
        assert keys(client.call("metrics_search", **arguments)) == found, arguments
    assert client.problem("metrics_search", match=["a["])["code"] == "metrics.invalid_pattern"
    assert client.problem("metrics_search", type="gauge")["errors"][0]["pointer"] == "/type"


def test_a_metric_is_read_as_resource(client: McpClient, metrics: list[Metric]) -> None:
    keep(metrics[2], [(NOON, 1.5)], received_at=NOON)
    send([(metrics[2], NOON + MINUTE, 2.5)])
    (listed,) = client.call("metrics_search", prefix="disk")["metrics"]
    assert (listed["last_at"], listed["last_value"]) == ("2026-03-01T12:00:00Z", 1.5)

    (content,) = client.result("resources/read", {"uri": listed["uri"]})["contents"]

    read = json.loads(content["text"])
    assert (read["metric"], read["last_at"], read["last_value"]) == ("disk", "2026-03-01T12:01:00Z", 2.5)


def test_series_are_computed(client: McpClient, metrics: list[Metric]) -> None:
    send([(metrics[0], NOON, 1.0), (metrics[1], NOON + MINUTE, 4.0), (metrics[1], NOON + 90 * MINUTE, 2.0)])

    answer = client.call(
        "metrics_query",
        **{"from": "2026-03-01T12:00:00Z", "to": "2026-03-01T14:00:00Z", "match": ["cpu.load;*"]},
        interval="hour",
        aggregation=["max", "count"],
        group_by=[],
        fill="null",
    )

    assert (answer["from"], answer["interval"]) == ("2026-03-01T12:00:00Z", "hour")
    assert [(each["aggregation"], each["values"]) for each in answer["series"]] == [
        ("max", [4, 2]), ("count", [2, 1]),
    ]  # fmt: skip
    assert answer["series"][0]["at"] == ["2026-03-01T12:00:00Z", "2026-03-01T13:00:00Z"]
    alone = client.call(
        "metrics_query", **{"from": "2026-03-01", "to": "2026-03-01"}, metric=["disk"], fill="null"
    )
    assert set(alone["series"][0]["values"]) == {None}


@pytest.mark.parametrize(
    ("arguments", "pointer"),
    [
        ({}, "/from"),
        ({"from": "yesterday"}, "/from"),
        ({"from": "-6h", "to": "soon"}, "/to"),
        ({"from": "-6h", "to": "-7h"}, "/to"),
        ({"from": "-6h", "interval": "5x"}, "/interval"),
        ({"from": "-6h", "zone": "Nowhere"}, "/zone"),
        ({"from": "-6h", "aggregation": ["median"]}, "/aggregation"),
        ({"from": "-6h", "fill": "mean"}, "/fill"),
    ],
)
def test_what_cannot_be_asked_is_named(client: McpClient, arguments: dict[str, Any], pointer: str) -> None:
    assert client.problem("metrics_query", **arguments)["errors"][0]["pointer"] == pointer


@pytest.fixture
def writer(mcp_key: KeyMaker) -> McpClient:
    return mcp_key(scopes=("mcp", "metrics:read", "metrics:write"))


def test_points_are_stored(writer: McpClient, metrics: list[Metric]) -> None:
    points = [
        {"metric": "hits", "value": 1},
        {"metric": "hits", "value": 4},
        {"metric": "cpu.load", "tags": {"host": "a"}, "value": 0.5, "timestamp": time.time() - 60},
        {"metric": "new", "type": "value", "value": -1.5},
    ]
    assert writer.call("metrics_write", points=points) == {"accepted": 4, "created": ["new"], "refused": []}
    answer = writer.call("metrics_query", **{"from": "-1h"}, metric=["hits"], interval="1h")
    assert sum(answer["series"][0]["values"]) == 5


def test_a_point_is_stored_once_per_key(writer: McpClient, metrics: list[Metric]) -> None:
    for _ in range(2):
        writer.call("metrics_write", points=[{"metric": "hits", "value": 1}], idempotency_key="once")
    assert PointSegment.objects.get().point_count == 1


def test_faulty_points_stop_all_or_are_named(writer: McpClient, metrics: list[Metric]) -> None:
    points = [
        {"metric": "hits", "value": 1},
        {"metric": "hits", "value": 0.5},
        {"metric": "nowhere", "value": 1},
    ]

    problem = writer.problem("metrics_write", points=points)
    assert [item["pointer"] for item in problem["errors"]] == ["/points/1/value", "/points/2/type"]
    assert not PointSegment.objects.exists()

    stored = writer.call("metrics_write", points=points, mode="partial")
    assert (stored["accepted"], [(each["point"], each["code"]) for each in stored["refused"]]) == (
        1, [(1, "metrics.invalid_value"), (2, "metrics.type_required")],
    )  # fmt: skip
    conflict = writer.problem("metrics_write", points=[{"metric": "hits", "type": "value", "value": 1}])
    assert conflict["code"] == "metrics.type_conflict"


@pytest.mark.parametrize("points", [[], [{"metric": "x"}] * 1_001, [{"metric": "hits", "value": "1"}], [{}]])
def test_what_is_no_list_of_points_is_refused(writer: McpClient, points: Any) -> None:
    assert writer.problem("metrics_write", points=points)["code"] == "request.invalid"


def test_who_may_only_look_is_offered_no_writing(client: McpClient) -> None:
    assert "metrics_query" in client.tool_names()
    assert "metrics_write" not in client.tool_names()
    assert (
        client.problem("metrics_write", points=[{"metric": "hits", "value": 1}])["code"]
        == "permission.denied"
    )


def test_a_stranger_finds_nothing(stranger: McpClient, metrics: list[Metric]) -> None:
    send([(metrics[2], NOON, 1.0)])
    assert keys(stranger.call("metrics_search")) == []
    found = stranger.call("metrics_query", **{"from": "2026-03-01"}, match=["**;*"])
    assert found["series"] == []
    named = stranger.problem("metrics_query", **{"from": "2026-03-01"}, metric=["disk"])
    assert named["code"] == "metrics.metric_unknown"
    answer = stranger.send("resources/read", {"uri": f"sextant://metrics/metric/{metrics[2].pk}"})
    assert error_of(answer) == (400, -32602)
