"""The explorer page: what it tells its module, to whom, and how it says to send points."""

import json
from html import unescape
from typing import Any

import pytest
from django.test import Client

from apps.metrics.metric_types import MetricType
from tests.factories.metrics import create_metric
from tests.furniture.people import Actors, Person


def page_of(person: Person) -> str:
    text: str = person.browser.get("/explore/").content.decode()
    return text


def explore_data(person: Person) -> dict[str, Any]:
    block = page_of(person).split('<script id="explore-data" type="application/json">')[1]
    data: dict[str, Any] = json.loads(block.split("</script>")[0])
    return data


def command(page: str, name: str) -> str:
    """Return the text that the button beside a command copies."""
    return unescape(page.split(f'id="{name}"')[1].partition(">")[2].partition("</pre>")[0])


def test_a_page_knows_whether_its_own_organization_has_metrics(actors: Actors) -> None:
    assert explore_data(actors.viewer)["has_metrics"] is False
    create_metric(actors.organization, "web.requests", MetricType.COUNTER)
    assert explore_data(actors.viewer)["has_metrics"] is True
    assert explore_data(actors.stranger)["has_metrics"] is False


def test_guests_do_not_see_the_explorer(actors: Actors) -> None:
    assert actors.anonymous.browser.get("/explore/").status_code == 302


def test_the_page_may_only_be_read(actors: Actors) -> None:
    assert actors.viewer.browser.post("/explore/").status_code == 405


@pytest.mark.parametrize("has_metrics", [False, True])
def test_commands_name_the_origin_the_page_came_from_once(actors: Actors, has_metrics: bool) -> None:
    if has_metrics:
        create_metric(actors.organization, "web.requests", MetricType.COUNTER)
    browser: Client = actors.analyst.browser
    page = browser.get("/explore/", headers={"host": "localhost:8123"}).content.decode()
    assert page.count('id="send-batch"') == 1
    assert command(page, "send-batch").startswith("curl -X POST http://localhost:8123/api/v1/metrics/batch ")
    assert command(page, "send-one").startswith("curl -X POST http://localhost:8123/api/v1/metrics/counter ")
    assert '"http://localhost:8123/api/v1/metrics/batch"' in command(page, "send-python")


def test_bodies_of_the_commands_are_json_and_the_program_is_python(actors: Actors) -> None:
    page = page_of(actors.analyst)
    batch, one = (
        json.loads(command(page, name).split("-d '")[1][:-1]) for name in ("send-batch", "send-one")
    )
    assert {point["type"] for point in batch["points"]} == {"counter", "value"}
    assert one == {"metric": "web.requests", "value": 1}
    compile(command(page, "send-python"), "send.py", "exec")


def test_somebody_who_may_not_send_is_told_whom_to_ask(actors: Actors) -> None:
    assert "Ask an analyst of" in page_of(actors.viewer)
    assert "Ask an analyst of" not in page_of(actors.analyst)


def test_the_navigation_leads_to_the_explorer_and_marks_it(actors: Actors) -> None:
    assert 'href="/explore/">Explore</a>' in actors.viewer.browser.get("/jobs/").content.decode()
    assert 'href="/explore/" aria-current="page">Explore</a>' in page_of(actors.viewer)
