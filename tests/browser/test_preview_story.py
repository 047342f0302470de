"""A preview shared, opened in a second browser without an account, refused to a third, and over on time."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from apps.accounts.models import User
from apps.projects.models import Project
from tests.browser.chromium import Complaints, new_page, sign_in
from tests.browser.installation import Installation
from tests.factories.accounts import PASSWORD
from tests.factories.projects import ProjectFactory
from tests.furniture.people import Actors
from tests.previews.stories import zip_of

pytestmark = pytest.mark.browser


@pytest.fixture
def project(actors: Actors) -> Project:
    """Give the project that is shared."""
    return ProjectFactory.create(organization=actors.organization, name="Harbour & “Light” <1>")


@pytest.fixture
def owner(project: Project, member: User, browser: Browser, installation: Installation) -> Iterator[Page]:
    """Give the page of somebody who may share it, with nothing to complain about."""
    page, complaints = new_page(browser, base_url=installation.url)
    sign_in(page, email=member.email, password=PASSWORD)
    yield page
    assert complaints.found == []


def recipient(browser: Browser, installation: Installation, width: int = 390) -> tuple[Page, Complaints]:
    return new_page(browser, base_url=installation.url, width=width, height=844)


def share(owner: Page, label: str) -> str:
    """Make a preview by the dialog, go to its page, and return the path of its link."""
    owner.goto("/previews/")
    owner.get_by_role("button", name="New preview").click()
    owner.get_by_label("Label").fill(label)
    owner.get_by_role("button", name="Make the preview").click()
    link = owner.get_by_label("Link", exact=True)
    expect(link).to_have_value(of_a_link())
    expect(owner.get_by_alt_text("QR code of the link")).to_be_visible()
    # Of this installation, whose port its settings do not know.
    found = "/p/" + link.input_value().partition("/p/")[2]
    owner.get_by_role("link", name="Upload the bundle").click()
    expect(owner.locator("html")).to_have_attribute("data-live", "open")
    return found


def of_a_link() -> re.Pattern[str]:
    return re.compile(r"/p/[a-z2-7]{12}#sxp_[a-z2-7]{32}$")


def test_a_preview_is_shared_fetched_by_one_device_and_ends_on_time(
    owner: Page, browser: Browser, installation: Installation, tmp_path: Path
) -> None:
    link = share(owner, "Sprint 7")
    first, complaints = recipient(browser, installation)
    first.goto(link)
    expect(first.get_by_role("heading", name="Harbour & “Light” <1>")).to_be_visible()
    expect(first.get_by_text("Nothing was uploaded yet.")).to_be_visible()

    send(owner, zip_of())
    expect(owner.locator("#state")).to_have_attribute("data-status", "ready")
    with first.expect_download() as download:
        first.get_by_role("button", name="Download").click()
    assert Path(download.value.path()).read_bytes() == zip_of()
    expect(owner.get_by_text("Chrome on Linux").first).to_be_visible()
    assert complaints.found == []

    second, _ = recipient(browser, installation, width=360)
    second.goto(link)
    second.get_by_role("button", name="Download").click()
    expect(second.get_by_text("As many devices as allowed have opened this preview.")).to_be_visible()
    assert not second.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    assert second.evaluate("document.cookie") == ""

    # Its time runs out by the server's clock, without asking and without a reload.
    asked: list[str] = []
    second.on("request", lambda request: asked.append(request.url))
    second.clock.install()
    second.goto(link)
    expect(second.get_by_text("Ends in")).to_be_visible()
    asked.clear()
    second.route("**/api/v1/preview/resolve", lambda route: route.abort())
    second.clock.fast_forward("21:00")
    expect(second.get_by_role("heading", name="This preview is not available")).to_be_visible()

    owner.get_by_role("button", name="Revoke").click()
    expect(owner.locator("#state")).to_have_attribute("data-status", "revoked")
    first.reload()
    expect(first.get_by_role("heading", name="This preview is not available")).to_be_visible()


def send(owner: Page, content: bytes) -> None:
    owner.locator("#file").set_input_files(
        {"name": "site.zip", "mimeType": "application/zip", "buffer": content}
    )


def test_a_next_revision_is_uploaded_beside_what_devices_get(
    owner: Page, browser: Browser, installation: Installation
) -> None:
    link, second = share(owner, "Sprint 6"), zip_of({"index.html": b"<h1>Again</h1>"})
    send(owner, zip_of())
    expect(owner.locator("#state")).to_have_attribute("data-status", "ready")
    expect(owner.locator("#content")).to_be_hidden()
    device, complaints = recipient(browser, installation)
    device.goto(link)

    owner.get_by_role("button", name="New revision").click()
    expect(owner.get_by_text("Upload revision 2. Devices still get revision 1.")).to_be_visible()
    expect(owner.locator("#content")).to_be_visible()
    expect(owner.locator("#file")).to_be_focused()
    send(owner, b"no zip at all")
    expect(owner.get_by_text("The last bundle was refused.")).to_be_visible()
    expect(owner.locator("#state")).to_have_attribute("data-status", "ready")
    with device.expect_download() as download:
        device.get_by_role("button", name="Download").click()
    assert Path(download.value.path()).read_bytes() == zip_of()

    send(owner, second)
    expect(owner.locator("#state").get_by_text("3", exact=True)).to_be_visible()
    expect(owner.locator("#content")).to_be_hidden()
    expect(owner.get_by_role("button", name="New revision")).to_be_visible()
    device.reload()
    with device.expect_download() as download:
        device.get_by_role("button", name="Download").click()
    assert Path(download.value.path()).read_bytes() == second
    assert complaints.found == []


def test_a_link_without_its_secret_asks_for_it(
    owner: Page, browser: Browser, installation: Installation
) -> None:
    link = share(owner, "Sprint 8")
    page, _ = recipient(browser, installation)
    page.goto(link.partition("#")[0])
    page.get_by_label("Link or token").fill("nonsense")
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_label("Link or token")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Link or token").fill(link)
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_text("Nothing was uploaded yet.")).to_be_visible()
    assert "sxp_" not in page.url


def test_the_checksum_is_right_where_browsers_compute_none(owner: Page) -> None:
    share(owner, "Sprint 9")
    script = """async () => {
      const { digest, sha256 } = await import(
        JSON.parse(document.querySelector('script[type="importmap"]').textContent)
          .imports["/static/js/previews/sha256.js"] ?? "/static/js/previews/sha256.js");
      const sizes = [0, 1, 55, 56, 63, 64, 65, 1048575, 1048576, 1048640, 2500000];
      const wrong = [];
      for (const size of sizes) {
        const file = new Blob([Uint8Array.from({ length: size }, (_, index) => (index * 31) & 255)]);
        if ((await digest(file)) !== (await sha256(file))) wrong.push(size);
      }
      return wrong;
    }"""
    assert owner.evaluate(script) == []
