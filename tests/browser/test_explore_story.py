"""From an organization without metrics to a chart that shows a point as soon as it was sent."""

import datetime as dt
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from apps.accounts.models import Role, User
from apps.accounts.services import create_api_key
from tests.browser.chromium import new_page, sign_in
from tests.browser.installation import Installation
from tests.factories.accounts import PASSWORD
from tests.furniture.people import Actors

pytestmark = pytest.mark.browser

MINUTE_S, HOUR_S = 60, 3600


@pytest.fixture
def key(actors: Actors) -> str:
    """Give a key that may send points, and nothing else."""
    _, raw = create_api_key(
        actor=actors.manager.actor, name="Sender", role=Role.ANALYST, scopes=["metrics:ingest"]
    )
    return raw


class Sender:
    """A program that sends points to an installation."""

    def __init__(self, installation: Installation, key: str) -> None:
        self.url = installation.url
        self.headers = {"X-API-Key": key}

    def send(self, *points: dict[str, Any]) -> None:
        answer = httpx.post(
            f"{self.url}/api/v1/metrics/batch", json={"points": points}, headers=self.headers, timeout=60
        )
        assert answer.status_code == 201, answer.text

    def count(self, metric: str, minutes: Sequence[int], *, start: int, value: float = 2) -> None:
        """Send a point of a counter for each of these minutes after `start`, half a minute in."""
        self.send(
            *(
                {"metric": metric, "type": "counter", "value": value, "timestamp": start + 60 * minute + 30}
                for minute in minutes
            )
        )


@pytest.fixture
def sender(key: str, installation: Installation) -> Sender:
    """Give a program with that key; named before the browser, beside which the database is not asked."""
    return Sender(installation, key)


@pytest.fixture
def hour() -> int:
    """Give the start of a whole hour that is over."""
    return int(time.time()) // HOUR_S * HOUR_S - HOUR_S


def explore(page: Page, query: str = "") -> None:
    page.goto(f"/explore/{query}")
    page.locator("#chart[data-buckets]").wait_for()


def address(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def value_at(page: Page, at: int, column: int = 0) -> Locator:
    """Return the cell of a bucket in the table under the chart."""
    return page.locator(f'#values tr[data-at="{at}"] td').nth(column)


def values(page: Page) -> list[str]:
    return page.locator("#values tbody tr").all_inner_texts()


def run_as_shown(page: Page, name: str, program: Sequence[str], key: str) -> None:
    """Run a command as the page shows it."""
    text = page.locator(f"#{name}").inner_text()
    environ = {**os.environ, "SEXTANT_KEY": key}
    done = subprocess.run(
        [*program, text], env=environ, capture_output=True, text=True, timeout=180, check=True
    )
    assert re.search("accepted|recorded_at", done.stdout), done.stdout


def test_the_first_point_opens_the_chart_and_the_next_appears_on_it(
    key: str, sender: Sender, browser: Browser, installation: Installation, member: User
) -> None:
    page, complaints = new_page(browser, base_url=installation.url)
    sign_in(page, email=member.email, password=PASSWORD)
    page.goto("/explore/")
    expect(page.get_by_role("heading", name="No metrics yet")).to_be_visible()
    expect(page.locator("#explorer")).to_be_hidden()
    run_as_shown(page, "send-python", [sys.executable, "-c"], key)
    page.locator("#chart[data-buckets]").wait_for()
    expect(page.get_by_role("heading", name="No metrics yet")).to_be_hidden()
    expect(page.locator("#series tr")).to_have_count(1)

    if shutil.which("curl"):
        page.get_by_text("How to send a metric").click()
        run_as_shown(page, "send-batch", ["bash", "-c"], key)
        run_as_shown(page, "send-one", ["bash", "-c"], key)

    sender.send({"metric": "web.arrivals", "type": "counter", "value": 5})
    for kind, text in (("search", "ARRIV"), ("prefix", "web.a"), ("match", "*.arr*")):
        page.get_by_label("Search by").select_option(kind)
        page.get_by_label("Name or tags").fill(text)
        expect(page.locator("#found")).to_have_text("1 metric")
    page.locator("input[type=checkbox][value='web.arrivals']").check()
    latest = page.locator('[data-series="web.arrivals"] [data-figure="latest"]')
    expect(latest).to_contain_text("5")
    page.get_by_role("button", name="24 h").click()
    page.get_by_label("Interval").select_option("day")
    expect(page.locator("#chart")).to_have_attribute("data-interval", "day")
    expect(page.locator("#tail")).to_contain_text("Live")
    sender.send({"metric": "web.arrivals", "value": 40_000})
    expect(latest).to_contain_text("40,00")
    # It came by itself: a page asks only while it has no live connection, and says so.
    expect(page.locator("#tail")).to_contain_text("Live")
    assert complaints.found == []


def test_an_open_chart_shows_a_point_within_a_second(
    sender: Sender, browser: Browser, installation: Installation, member: User
) -> None:
    sender.send({"metric": "web.arrivals", "type": "counter", "value": 1})
    page, complaints = new_page(browser, base_url=installation.url)
    sign_in(page, email=member.email, password=PASSWORD)
    explore(page, "?metric=web.arrivals&aggregation=sum&range=24h&interval=day&zone=UTC")
    expect(page.locator("#tail")).to_contain_text("Live")
    latest = page.locator('[data-series="web.arrivals"] [data-figure="latest"]')
    waits_s = []
    for point in range(1, 8):
        page.wait_for_timeout(700)  # a page that was just drawn lets the next points gather
        started_s = time.perf_counter()
        sender.send({"metric": "web.arrivals", "value": 1000})
        expect(latest).to_contain_text(f"{point},00", timeout=30_000)
        waits_s.append(time.perf_counter() - started_s)
    # Most of them, so that another program's moment on the machine is not taken for the page's.
    assert statistics.median(waits_s) < 1, waits_s
    expect(page.locator("#tail")).to_contain_text("Live")
    assert complaints.found == []


@pytest.fixture
def known_jobs(sender: Sender, hour: int) -> None:
    """Send 40 minutes of a counter with a hole of ten, and of readings 1,000, 2,000 and 9,000 a minute."""
    sender.count("jobs.done", [*range(10), *range(20, 40)], start=hour)
    ages = [
        {"metric": "jobs.age", "type": "value", "value": 1000 * n, "timestamp": hour + 60 * minute + n}
        for minute in range(40)
        for n in (1, 2, 9)
    ]
    sender.send(*ages)


@pytest.mark.usefixtures("known_jobs")
def test_gaps_are_shown_and_each_series_has_its_aggregation(
    sender: Sender, browser: Browser, installation: Installation, member: User, hour: int
) -> None:
    page, complaints = new_page(browser, base_url=installation.url)
    sign_in(page, email=member.email, password=PASSWORD)
    explore(page, f"?metric=jobs.done&from={hour}&to={hour + 40 * MINUTE_S}&interval=minute&zone=UTC")
    assert address(page)["aggregation"] == ["sum"]
    expect(page.locator("#tail")).to_have_text("Fixed range")

    gap = page.locator("[data-gap-from]")
    expect(gap).to_have_count(1)
    assert gap.get_attribute("data-gap-from") == str(hour + 10 * MINUTE_S)
    assert gap.get_attribute("data-gap-to") == str(hour + 20 * MINUTE_S)
    expect(page.locator("#values td[data-gap]")).to_have_count(10)
    expect(value_at(page, hour + 9 * MINUTE_S)).to_have_text("2")
    expect(value_at(page, hour + 10 * MINUTE_S)).to_have_text("no points")

    page.locator("input[type=checkbox][value='jobs.age']").check()
    expect(value_at(page, hour, 1)).to_have_text("4,000")
    page.get_by_label("Aggregation of jobs.age").select_option("max")
    expect(value_at(page, hour, 1)).to_have_text("9,000")
    page.get_by_label("Duplicate jobs.age").click()
    page.get_by_label("Aggregation of jobs.age").nth(1).select_option("p50")
    expect(value_at(page, hour, 2)).to_have_text("2,000")
    assert address(page)["metric"] == ["jobs.done", "jobs.age", "jobs.age"]
    assert address(page)["aggregation"] == ["sum", "max", "p50"]
    assert csv_of(page, "Sum")[:2] == ["metric,at,sum,partial", f"jobs.done,{rfc3339(hour)},2,false"]
    assert len(csv_of(page, "Sum")) == 41
    assert complaints.found == []


@pytest.mark.usefixtures("known_jobs")
def test_a_drag_zooms_and_the_address_brings_the_view_back(
    sender: Sender, browser: Browser, installation: Installation, member: User, hour: int
) -> None:
    page, complaints = new_page(browser, base_url=installation.url)
    sign_in(page, email=member.email, password=PASSWORD)
    query = "?metric=jobs.done&aggregation=sum&metric=jobs.age&aggregation=p90"
    explore(page, f"{query}&from={rfc3339(hour)}&to={rfc3339(hour + 40 * MINUTE_S)}&interval=minute")
    before = page.url
    drag(page, 0.25, 0.5)
    expect(page.locator("#chart")).not_to_have_attribute("data-buckets", "40")
    chosen = [seconds_of(address(page)[name][0]) for name in ("from", "to")]
    assert chosen == pytest.approx([hour + 10 * MINUTE_S, hour + 20 * MINUTE_S], abs=40)
    zoomed = values(page)
    page.reload()
    page.locator("#chart[data-buckets]").wait_for()
    assert values(page) == zoomed
    assert address(page)["aggregation"] == ["sum", "p90"]
    page.go_back()
    expect(page.locator("#chart")).to_have_attribute("data-buckets", "40")
    assert page.url == before
    page.locator("#chart .u-over").dblclick()
    expect(page.locator("#chart")).to_have_attribute("data-buckets", re.compile("8[01]"))
    assert complaints.found == []


def csv_of(page: Page, aggregation: str) -> list[str]:
    """Return the lines of a download."""
    link = page.get_by_role("link", name=f"Download CSV, {aggregation}")
    return page.request.get(link.get_attribute("href") or "").text().splitlines()


def drag(page: Page, start: float, end: float) -> None:
    """Drag over the chart between two shares of its width."""
    chart = page.locator("#chart .u-over")
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * start, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * (start + end) / 2, middle)
    page.mouse.move(box["x"] + box["width"] * end, middle)
    page.mouse.up()


def rfc3339(epoch_s: int) -> str:
    return f"{dt.datetime.fromtimestamp(epoch_s, dt.UTC):%Y-%m-%dT%H:%M:%SZ}"


def seconds_of(text: str) -> float:
    return dt.datetime.fromisoformat(text).timestamp()


def test_keys_read_and_zoom_the_chart_and_a_zone_moves_its_days(
    sender: Sender, browser: Browser, installation: Installation, member: User, hour: int
) -> None:
    sender.count("jobs.done", range(40), start=hour, value=1234)
    page, complaints = new_page(browser, base_url=installation.url)
    sign_in(page, email=member.email, password=PASSWORD)
    explore(page, f"?metric=jobs.done&from={hour}&to={hour + 40 * MINUTE_S}&interval=minute")
    page.locator("#chart").focus()
    page.keyboard.press("End")
    expect(page.locator("#readout")).to_contain_text("jobs.done 1,234")
    end = page.locator("#readout").inner_text()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#readout")).not_to_have_text(end)
    page.keyboard.press("+")
    expect(page.locator("#chart")).not_to_have_attribute("data-buckets", "40")
    page.keyboard.press("-")

    page.goto(
        f"/explore/?metric=jobs.done&from={hour - 86400}&to={hour + HOUR_S}&interval=day&zone=Asia/Kolkata"
    )
    shown = page.locator("#values tbody tr time").first
    expect(shown).to_have_attribute("title", re.compile(r"18:30:00 UTC$"))
    page.get_by_label("Time zone").select_option("UTC")
    expect(shown).to_have_attribute("title", re.compile(r"00:00:00 UTC$"))
    assert address(page)["zone"] == ["UTC"]
    assert complaints.found == []


def test_a_refused_question_is_explained(
    sender: Sender, browser: Browser, installation: Installation, member: User
) -> None:
    sender.send({"metric": "jobs.age", "type": "value", "value": 1})
    page, _ = new_page(browser, base_url=installation.url)
    sign_in(page, email=member.email, password=PASSWORD)
    page.goto("/explore/?metric=jobs.age&aggregation=avg&range=30d&interval=1s")
    problem = page.locator("#notes")
    expect(problem).to_contain_text("the smallest interval that fits")
    expect(problem).to_contain_text(re.compile("Request [0-9a-f]{32}"))
    page.get_by_label("Interval").select_option("auto")
    expect(problem).to_be_hidden()
    expect(page.locator('[data-figure="latest"]')).to_contain_text("1")


def test_without_live_connection_the_chart_says_so_and_asks(
    sender: Sender, browser: Browser, installation: Installation, member: User
) -> None:
    sender.send({"metric": "jobs.age", "type": "value", "value": 1})
    page, _ = new_page(browser, base_url=installation.url)
    page.route_web_socket("**/ws/live", lambda socket: socket.close())
    sign_in(page, email=member.email, password=PASSWORD)
    explore(page, "?metric=jobs.age&aggregation=last&range=1h&interval=day")
    latest = page.locator('[data-figure="latest"]')
    expect(latest).to_contain_text("1")
    expect(page.locator("#tail")).to_have_text("No live connection: asking every 5 seconds")
    sender.send({"metric": "jobs.age", "value": 77})
    expect(latest).to_contain_text("77")
