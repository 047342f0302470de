"""From the sign-in to hexagons on the map, as a person does it."""

import base64
import csv
import io
import random
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, Route, expect

from apps.accounts.models import User
from tests.browser.chromium import new_page, sign_in, wait_for_cells
from tests.browser.installation import Installation
from tests.factories.accounts import PASSWORD

LONDON = settings.BASE_DIR.parent / "shared" / "data" / "uk-city-of-london-2023.zip"
pytestmark = pytest.mark.browser

COLLECT_PROGRESS = """() => {
  window.seenProgress = new Set();
  window.seenRows = new Set();
  const look = () => {
    const bar = document.getElementById("progress");
    if (bar) window.seenProgress.add(bar.value);
    const rows = document.querySelector('[data-count="rows_read"]');
    if (rows) window.seenRows.add(rows.textContent);
  };
  const everything = { subtree: true, childList: true, attributes: true, characterData: true };
  new MutationObserver(look).observe(document, everything);
  look();
}"""


def drop_file(page: Page, name: str, content: bytes) -> None:
    """Drop a file on the page, as from the desktop."""
    page.locator("#drop").wait_for()
    transfer = page.evaluate_handle(
        """async ([name, url]) => {
          const transfer = new DataTransfer();
          const body = Uint8Array.from(atob(url), (letter) => letter.charCodeAt(0));
          transfer.items.add(new File([body], name));
          return transfer;
        }""",
        [name, base64.b64encode(content).decode()],
    )
    page.dispatch_event("#drop", "dragenter", {"dataTransfer": transfer})
    page.dispatch_event("#drop", "drop", {"dataTransfer": transfer})


def many_rows(rows: int) -> bytes:
    """Return a CSV of events around one city, every fiftieth without a place."""
    chance = random.Random(7)
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["Date", "Latitude", "Longitude", "Category"])
    for number in range(rows):
        place: tuple[Any, Any] = (round(chance.gauss(51.5, 0.05), 6), round(chance.gauss(-0.1, 0.08), 6))
        day = f"2024-{1 + number % 12:02}-{1 + number % 28:02}"
        writer.writerow(
            [day, *(place if number % 50 else ("", "")), ("Theft", "Burglary", "Arson")[number % 3]]
        )
    return table.getvalue().encode()


def figure(page: Page, name: str) -> str:
    return page.locator(f'[data-count="{name}"]').inner_text()


def total_events(page: Page) -> int:
    return int(page.locator("#total-events").inner_text().replace(",", ""))


def upload(page: Page, name: str, content: bytes, zone: str) -> None:
    page.get_by_role("link", name="Upload a file").click()
    drop_file(page, name, content)
    page.get_by_label("Time zone").fill(zone)
    page.get_by_role("button", name="Import", exact=True).click()
    page.wait_for_url(re.compile(r"/datasets/[^/]+/imports/[^/]+/$"))


@pytest.mark.skipif(not LONDON.exists(), reason=f"{LONDON.name} is not in the folder of shared data")
def test_a_zip_becomes_hexagons(browser: Browser, installation: Installation, member: User) -> None:
    page, complaints = new_page(browser, base_url=installation.url)
    sign_in(page, email=member.email, password=PASSWORD)
    upload(page, LONDON.name, LONDON.read_bytes(), "Europe/London")
    expect(page.locator("#status")).to_have_text("Succeeded", timeout=120_000)
    counts = [figure(page, name) for name in ("rows_read", "accepted", "rejected", "duplicates")]
    assert counts == ["9,298", "8,501", "797", "0"]
    expect(page.locator("#reject-table tbody tr").first).to_contain_text("coordinate_missing")

    page.get_by_role("link", name="Open the map").click()
    wait_for_cells(page)
    assert total_events(page) > 8_300
    before = total_events(page)
    page.get_by_label("Shoplifting").check()
    expect(page.locator("#total-events")).not_to_have_text(f"{before:,}")
    assert total_events(page) < 1_000
    page.get_by_role("button", name="All categories").click()
    expect(page.locator("#total-events")).to_have_text(f"{before:,}")

    show_cell_under_pointer(page)
    import_again(page.context.new_page(), page.url)
    expect(page.locator("#dataset-facts")).to_contain_text("Version 2", timeout=120_000)
    expect(page.locator("#notes")).to_contain_text("Version 2 has been published")
    expect(page.locator("#dataset-facts")).to_contain_text("3 events")
    assert complaints.found == []


def import_again(page: Page, map_address: str) -> None:
    """Import three rows in place of everything, in a tab beside the map."""
    dataset = parse_qs(urlsplit(map_address).query)["dataset"][0]
    page.goto(f"/datasets/{dataset}/")
    page.get_by_role("link", name="Import files").click()
    rows = "".join(f"2023-0{n},51.51{n},-0.09{n},Shoplifting\n" for n in (1, 2, 3))
    drop_file(page, "again.csv", f"Month,Latitude,Longitude,Crime type\n{rows}".encode())
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.locator("#status")).to_have_text("Succeeded", timeout=120_000)


def show_cell_under_pointer(page: Page) -> None:
    """Hover the busiest cell in view, then choose it."""
    wait_for_cells(page)
    page.get_by_text("Top cells as a table").click()
    page.locator("#top-cells button").first.click()
    panel = page.locator("#panel")
    expect(panel).to_contain_text("By category")
    panel.get_by_role("button", name="Close").click()
    stage = page.locator("#map").bounding_box()
    assert stage is not None
    for step in range(1, 20):
        page.mouse.move(stage["x"] + stage["width"] * step / 20, stage["y"] + stage["height"] / 2)
        if page.locator("#hover").is_visible():
            break
    expect(page.locator("#hover")).to_contain_text("event")


def test_progress_moves_without_a_reload(browser: Browser, installation: Installation, member: User) -> None:
    page, complaints = new_page(browser, base_url=installation.url)
    page.add_init_script(f"document.addEventListener('DOMContentLoaded', {COLLECT_PROGRESS})")
    sign_in(page, email=member.email, password=PASSWORD)
    upload(page, "many.csv", many_rows(150_000), "UTC")
    expect(page.locator("#status")).to_have_text("Succeeded", timeout=120_000)
    assert page.evaluate("window.seenProgress.size") >= 2
    assert figure(page, "rows_read") == "150,000"
    assert figure(page, "accepted") == "147,000"
    assert figure(page, "rejected") == "3,000"
    assert complaints.found == []


def test_an_undecidable_file_waits_for_its_mapping(
    browser: Browser, installation: Installation, member: User
) -> None:
    page, complaints = new_page(browser, base_url=installation.url)
    sign_in(page, email=member.email, password=PASSWORD)
    rows = "".join(f"{1 + n % 12:02}/{1 + n % 12:02}/2024,51.5{n % 10},-0.1{n % 10}\n" for n in range(60))
    undecidable = f"when,lat,lon\n{rows}".encode()
    # Dropped before the page's module is there: nothing of it may be lost.
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/js/new-dataset*.js", hold)
    with page.expect_request("**/js/new-dataset*.js"):
        page.get_by_role("link", name="Upload a file").click(no_wait_after=True)
    drop_file(page, "dates.csv", undecidable)
    expect(page.locator("#file-list li")).to_have_count(0)
    held[0].continue_()
    page.unroute("**/js/new-dataset*.js")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.locator("#status")).to_have_text("Waiting")
    page.get_by_role("button", name="%d/%m/%Y", exact=True).click()
    expect(page.locator("#mapping-result")).to_have_text("50 of the first 50 rows fit.")
    page.get_by_label("Save as profile").fill("Days first")
    page.get_by_role("button", name="Import with this mapping").click()
    expect(page.locator("#status")).to_have_text("Succeeded", timeout=120_000)
    assert figure(page, "accepted") == "60"
    # The next file of this kind is read by the profile, and asks nobody.
    page.goto(re.sub(r"imports/.*", "imports/new", page.url))
    drop_file(page, "dates.csv", undecidable)
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.locator("#status")).to_have_text("Succeeded", timeout=120_000)
    assert complaints.found == []


def test_without_live_connection_the_page_says_so_and_asks(
    browser: Browser, installation: Installation, member: User
) -> None:
    page, _ = new_page(browser, base_url=installation.url)
    page.route_web_socket("**/ws/live", lambda socket: socket.close())
    sign_in(page, email=member.email, password=PASSWORD)
    upload(page, "many.csv", many_rows(50_000), "UTC")
    expect(page.get_by_text("No live connection")).to_be_visible(timeout=20_000)
    expect(page.locator("#status")).to_have_text("Succeeded", timeout=120_000)
    assert figure(page, "rows_read") == "50,000"
