"""Somebody reads code: from the tree to a line, its link, its history, and where a word stands."""

import re
from pathlib import Path
from typing import Final, Literal

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from apps.accounts.models import User
from apps.projects.models import Mirror, Project
from tests.browser.chromium import new_page, sign_in
from tests.browser.installation import Installation
from tests.browser.test_accessibility import findings, is_wider_than_the_screen
from tests.factories.accounts import PASSWORD
from tests.factories.projects import ProjectFactory
from tests.furniture.people import Actors
from tests.projects.published import publish_whole
from tests.projects.repositories import Repository

pytestmark = pytest.mark.browser


@pytest.fixture
def project(actors: Actors, tmp_path: Path) -> Project:
    """Give a project with two branches and a file that is longer than a screen."""
    repository = Repository(tmp_path / "remote.git")
    code = "".join(f"def step_{number}():\n    return {number}\n\n\n" for number in range(40))
    repository.commit(
        {"src/steps.py": code, "README.md": "# Steps\n", "page.html": "<b>bold</b>\n" + "x" * 500}
    )
    repository.commit({"src/steps.py": code.replace("return 7", "return 70")}, message="Seven is more")
    repository.commit({"only-here.txt": "1\n"}, branch="other")
    project = ProjectFactory.create(organization=actors.organization, name="Steps")
    publish_whole(project, repository)
    Mirror.objects.update(last_changed_at=timezone.now())
    return project


def test_code_is_read_and_searched(
    project: Project, member: User, installation: Installation, browser: Browser
) -> None:
    page, complaints = new_page(browser, base_url=installation.url)
    sign_in(page, email=member.email, password=PASSWORD)
    page.goto(f"/projects/{project.pk}/files/")
    page.get_by_role("link", name="src").click()
    page.get_by_role("link", name="steps.py").click()
    page.get_by_role("link", name="Line 30", exact=True).click()
    expect(page.locator("#L30")).to_be_in_viewport()
    expect(page.get_by_role("link", name="Permalink")).to_have_attribute("href", _with_line("L30"))
    page.get_by_role("link", name="History").click()
    page.get_by_role("link", name="Seven is more").click()
    expect(page.locator('[data-kind="added"]')).to_contain_text("return 70")
    page.goto(f"/projects/{project.pk}/search/")
    page.get_by_label("Search for").fill("return 70")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Line 30").click()
    expect(page.locator("#L30")).to_contain_text("return 70")
    page.goto(f"/projects/{project.pk}/files/")
    page.get_by_label("Branch or tag").select_option("heads/other")
    expect(page.get_by_role("link", name="only-here.txt")).to_be_visible()
    assert complaints.found == []


def _with_line(anchor: str) -> "re.Pattern[str]":
    return re.compile(rf"#{anchor}$")


def test_pages_of_code_are_accessible(
    project: Project, member: User, installation: Installation, browser: Browser
) -> None:
    for width, scheme in SCREENS:
        page, complaints = new_page(browser, base_url=installation.url, width=width, colour_scheme=scheme)
        sign_in(page, email=member.email, password=PASSWORD)
        found = {path: _faults(page, f"/projects/{project.pk}/{path}") for path in PATHS}
        assert {path: faults for path, faults in found.items() if faults} == {}
        assert complaints.found == []


def test_figures_of_a_mirror_show_all_that_they_say(
    project: Project, member: User, installation: Installation, browser: Browser
) -> None:
    for width in (1280, 360):
        page, complaints = new_page(browser, base_url=installation.url, width=width)
        sign_in(page, email=member.email, password=PASSWORD)
        page.goto(f"/projects/{project.pk}/")
        expect(page.locator(".figure-time time")).to_be_visible()
        cut = "all => all.filter(each => each.scrollWidth > each.clientWidth).map(each => each.textContent)"
        assert page.locator(".figure").evaluate_all(cut) == []
        assert complaints.found == []


SCREENS: Final[tuple[tuple[int, Literal["light", "dark"]], ...]] = (
    (1440, "light"),
    (1440, "dark"),
    (360, "light"),
)
PATHS = (
    "files/",
    "files/src/steps.py#L30",
    "files/page.html",
    "search/?q=return",
    "commits/",
    "compare/?base=other",
)


def _faults(page: Page, address: str) -> list[str]:
    page.goto(address)
    page.wait_for_load_state("load")
    found = findings(page)
    return [*found, "wider than the screen"] if is_wider_than_the_screen(page) else found
