"""Datasets are filled over MCP: from an address, by months, and followed to the end."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from apps.accounts.models import Role
from tests.datasets.remote_host import RemoteHost, serving
from tests.datasets.stories import ROWS, csv
from tests.furniture.people import Actors
from tests.mcp.conftest import KeyMaker

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def host(settings: Any) -> Iterator[RemoteHost]:
    with serving() as running:
        settings.OUTBOUND_ALLOW = (running.allowed,)
        running.files["/2024-01.csv"] = csv(*ROWS)
        yield running


def test_an_address_and_a_month_are_imported_and_followed(
    actors: Actors, mcp_key: KeyMaker, host: RemoteHost, run_jobs: Callable[[], int]
) -> None:
    client = mcp_key(Role.MANAGER, ("datasets:read", "datasets:write"))
    queued = client.call("datasets_import_url", url=host.url("/2024-01.csv"), name="Remote")
    run_jobs()

    assert client.call("datasets_import_status", id=queued["id"])["accepted"] == 4
    source = actors.manager.api.post(
        "/api/v1/sources",
        {"dataset": queued["dataset"], "kind": "months", "template": host.url("/{month}.csv")},
        format="json",
    ).json()
    asked = client.call("datasets_ingest_months", source=source["id"], months=["2024-01", "2024-02"])
    run_jobs()
    months = client.call("datasets_list_months", dataset=queued["dataset"])
    assert [row["status"] for row in asked["imports"]] == ["queued", "queued"]
    assert {row["month"]: row["state"] for row in months["months"]} == {
        "2024-01": "loaded",
        "2024-02": "missing",
    }
