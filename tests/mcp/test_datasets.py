"""Datasets over MCP: tools and resources, and the walls around them."""

import json
from typing import Any

import pytest

from apps.accounts.models import Role
from apps.accounts.services import create_api_key
from apps.datasets.models import Dataset, Segment, Term, TermField
from apps.datasets.services import create_dataset
from tests.factories.datasets import EventRow, published_dataset
from tests.furniture.people import Actors
from tests.mcp.conftest import KeyMaker, McpClient, error_of


@pytest.fixture
def datasets(actors: Actors) -> list[Dataset]:
    names = ("Thefts in March", "Noise", "Thefts in April")
    return [create_dataset(actor=actors.admin.actor, name=name) for name in names]


@pytest.fixture
def stranger(actors: Actors) -> McpClient:
    scopes = ["mcp", "datasets:read", "datasets:write", "datasets:manage"]
    _, raw = create_api_key(actor=actors.stranger.actor, name="k", role=Role.ADMIN, scopes=scopes)
    return McpClient(raw)


def names(page: dict[str, Any]) -> list[str]:
    return [row["name"] for row in page["datasets"]]


def test_datasets_are_listed_newest_first_page_by_page(mcp_key: KeyMaker, datasets: list[Dataset]) -> None:
    client = mcp_key()

    first = client.call("datasets_list", page_size=2)
    assert names(first) == ["Thefts in April", "Noise"]
    Dataset.objects.filter(pk=datasets[1].pk).delete()  # a row that goes shifts nothing
    rest = client.call("datasets_list", page_size=2, cursor=first["next_cursor"])
    assert (names(rest), rest["next_cursor"]) == (["Thefts in March"], None)


def test_datasets_are_found_by_text_and_status(mcp_key: KeyMaker, datasets: list[Dataset]) -> None:
    client = mcp_key()

    assert len(names(client.call("datasets_list", search="THEFTS"))) == 2
    assert names(client.call("datasets_list", status="ready")) == []
    assert client.problem("datasets_list", status="lost")["errors"][0]["pointer"] == "/status"
    assert client.problem("datasets_list", cursor="x")["errors"][0]["pointer"] == "/cursor"
    assert client.problem("datasets_list", page_size=0)["errors"][0]["pointer"] == "/page_size"


def test_a_dataset_is_read_as_tool_and_as_resource_alike(mcp_key: KeyMaker, datasets: list[Dataset]) -> None:
    client = mcp_key()

    facts = client.call("datasets_describe", id=str(datasets[0].pk))
    assert (facts["name"], facts["uri"]) == (
        "Thefts in March",
        f"sextant://datasets/dataset/{datasets[0].pk}",
    )
    (content,) = client.result("resources/read", {"uri": facts["uri"]})["contents"]
    assert (content["uri"], content["mimeType"]) == (facts["uri"], "application/json")
    assert json.loads(content["text"]) == facts


def test_resources_are_listed_with_their_type(mcp_key: KeyMaker, datasets: list[Dataset]) -> None:
    client = mcp_key()

    listed = client.result("resources/list")
    assert [row["name"] for row in listed["resources"]] == ["Thefts in April", "Noise", "Thefts in March"]
    assert "nextCursor" not in listed
    templates = client.result("resources/templates/list")["resourceTemplates"]
    assert "sextant://datasets/dataset/{id}" in {each["uriTemplate"] for each in templates}


def test_a_long_list_of_resources_comes_in_pages(
    mcp_key: KeyMaker, datasets: list[Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.accounts.mcp.resources.PAGE_SIZE", 2)
    client = mcp_key()

    first = client.result("resources/list")
    rest = client.result("resources/list", {"cursor": first["nextCursor"]})
    found = [row["name"] for page in (first, rest) for row in page["resources"]]
    assert found == ["Thefts in April", "Noise", "Thefts in March"]
    assert "nextCursor" not in rest


def test_a_stranger_finds_nothing(stranger: McpClient, datasets: list[Dataset]) -> None:
    row = datasets[0]

    assert names(stranger.call("datasets_list")) == []
    assert stranger.result("resources/list")["resources"] == []
    for tool in ("datasets_describe", "datasets_categories"):
        assert stranger.problem(tool, id=str(row.pk))["code"] == "not_found"
    assert stranger.problem("datasets_update", id=str(row.pk), name="Mine")["code"] == "not_found"
    address = f"sextant://datasets/dataset/{row.pk}"
    assert error_of(stranger.send("resources/read", {"uri": address})) == (400, -32602)
    row.refresh_from_db()
    assert row.name == "Thefts in March"


def test_a_key_without_the_scope_reads_no_resource(mcp_key: KeyMaker, datasets: list[Dataset]) -> None:
    client = mcp_key(Role.ADMIN, ("accounts:read",))

    templates = client.result("resources/templates/list")["resourceTemplates"]
    assert not [each for each in templates if each["uriTemplate"].startswith("sextant://datasets/")]
    assert client.result("resources/list")["resources"] == []
    address = f"sextant://datasets/dataset/{datasets[0].pk}"
    assert error_of(client.send("resources/read", {"uri": address})) == (400, -32602)


def test_a_dataset_is_renamed_by_the_service_with_its_rules(
    mcp_key: KeyMaker, datasets: list[Dataset]
) -> None:
    client, row = mcp_key(Role.ANALYST, ("datasets:read", "datasets:write")), datasets[0]

    assert client.call("datasets_update", id=str(row.pk), name="Thefts")["name"] == "Thefts"
    row.refresh_from_db()
    assert row.name == "Thefts"
    problem = client.problem("datasets_update", id=str(row.pk), name="noise")
    assert (problem["code"], problem["status"]) == ("datasets.name_taken", 409)
    assert client.problem("datasets_update", id=str(row.pk))["code"] == "request.invalid"


def test_categories_are_counted_most_frequent_first(mcp_key: KeyMaker, actors: Actors) -> None:
    rows = [EventRow(51.5, -0.1, category=category) for category in ("noise", "theft", "theft")]
    row = published_dataset(rows, organization=actors.organization)
    numbers = dict(Term.objects.filter(dataset_no=row.no, field=TermField.CATEGORY).values_list("text", "no"))
    facts = {str(numbers["noise"]): 1, str(numbers["theft"]): 2}
    Segment.objects.filter(dataset=row).update(category_counts=facts)

    counts = mcp_key().call("datasets_categories", id=str(row.pk))
    assert [(each["category"], each["events"]) for each in counts["categories"]] == [
        ("theft", 2),
        ("noise", 1),
    ]
    assert (counts["version"], counts["event_count"], counts["is_complete"]) == (1, 3, True)


def test_a_dataset_without_data_has_no_categories(mcp_key: KeyMaker, datasets: list[Dataset]) -> None:
    assert mcp_key().problem("datasets_categories", id=str(datasets[0].pk))["code"] == "not_found"
