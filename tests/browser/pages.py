"""Every page that exists, as the browser tests and the screenshots visit them."""

from collections.abc import Iterator

from playwright.sync_api import Page, expect

from tests.browser.chromium import wait_for_cells

PUBLIC = (
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/password/forgot/",
    "/accounts/password/reset/key/",
    "/accounts/verify/",
    "/accounts/verify/key/",
    "/accounts/invitation/",
    "/p/abcdefgh2345",
)
PAGES = (
    "/",
    "/explore/",
    "/datasets/",
    "/datasets/new",
    "/map/",
    "/models/",
    "/signals/",
    "/previews/",
    "/previews/?show=ended",
    "/jobs/",
    "/notifications/",
    "/notifications/preferences/",
    "/accounts/organizations/",
    "/accounts/members/",
    "/accounts/settings/",
    "/accounts/keys/",
    "/accounts/sessions/",
    "/accounts/password/change/",
    "/accounts/reauthenticate/",
    "/accounts/logout/",
    "/problems/permission.denied",
    "/nowhere",
)


def visit_all(page: Page) -> Iterator[str]:
    """Open each page of a signed-in user and yield its name when it has settled."""
    for address in PAGES:
        yield visit(page, address)
    for name, address in _first_things(page):
        visit(page, address)
        yield name


def visit(page: Page, address: str) -> str:
    """Open a page, wait until its fragments, its map and its chart are there, and return its name."""
    page.goto(address)
    page.wait_for_load_state("load")
    if page.locator("#map").count():
        wait_for_cells(page)
    if page.locator("#explorer:not([hidden])").count():
        page.locator("#chart[data-buckets]").wait_for()
    expect(page.get_by_text("Loading …", exact=True)).to_have_count(0)
    return address.partition("?")[0].strip("/").replace("/", "-") or "overview"


def _first_things(page: Page) -> Iterator[tuple[str, str]]:
    """Yield the pages of the worst signal, the newest preview, the first dataset and its import, if any."""
    signals = page.request.get("/api/v1/signals?page_size=1").json()["results"]
    if signals:
        yield "signal", f"/signals/{signals[0]['id']}/"
    previews = page.request.get("/api/v1/preview/sessions?page_size=1").json()["results"]
    if previews:
        yield "preview", f"/previews/{previews[0]['id']}/"
    found = page.request.get("/api/v1/datasets?page_size=1").json()["results"]
    if not found:
        return
    dataset = found[0]["id"]
    yield "dataset", f"/datasets/{dataset}/"
    yield "import-new", f"/datasets/{dataset}/imports/new"
    imports = page.request.get(f"/api/v1/datasets/{dataset}/imports?page_size=1").json()["results"]
    if imports:
        yield "import", f"/datasets/{dataset}/imports/{imports[0]['id']}/"
