"""A rename is proposed, looked at file by file, previewed and applied; its patch is taken home."""

import hashlib
import re
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from apps.accounts.models import User
from apps.projects.models import Application, Project, Proposal
from apps.projects.services.proposals import reject_proposal
from apps.projects.states import ProposalState
from tests.browser.chromium import new_page, sign_in
from tests.browser.installation import Installation
from tests.browser.outrun import apart, hold_next, listen, wait_until
from tests.browser.test_accessibility import findings, is_wider_than_the_screen
from tests.factories.accounts import PASSWORD
from tests.factories.projects import ProjectFactory
from tests.furniture.people import Actors
from tests.projects.published import publish_whole
from tests.projects.repositories import Repository

pytestmark = pytest.mark.browser

SHAPES = "def area(width, height):\n    return width * height\n"
ROOMS = "from shapes import area\n\n\ndef floor(room):\n    return area(room[0], room[1])\n"
DYNAMIC = "import shapes\n\nprint(getattr(shapes, 'area')(1, 2))\n"


@pytest.fixture
def remote(tmp_path: Path) -> Repository:
    """Give a repository in which one function is used, by name and by a string."""
    repository = Repository(tmp_path / "remote.git")
    repository.commit({"shapes.py": SHAPES, "rooms.py": ROOMS, "dynamic.py": DYNAMIC})
    return repository


@pytest.fixture
def project(actors: Actors, remote: Repository) -> Project:
    """Give a project that mirrors it."""
    row = ProjectFactory.create(organization=actors.organization, name="Rooms")
    publish_whole(row, remote)
    return row


def propose(page: Page, project: Project) -> None:
    page.goto(f"/projects/{project.pk}/renames/")
    page.get_by_label("Which symbol").fill("shapes.area")
    page.get_by_label("New name").fill("surface")
    page.get_by_label("look into strings").check()
    page.get_by_role("button", name="Analyse").click()
    expect(page.locator("#state")).to_have_text("Proposed")


def test_a_rename_goes_from_the_wish_to_a_patch(
    project: Project, member: User, installation: Installation, browser: Browser, tmp_path: Path
) -> None:
    page, complaints = new_page(browser, base_url=installation.url)
    sign_in(page, email=member.email, password=PASSWORD)
    propose(page, project)

    string = page.locator("details", has_text="dynamic.py").first
    string.locator("summary").click()
    expect(string.locator("[data-edit]").first).not_to_be_checked()
    uses = page.locator("details", has_text="rooms.py").first
    uses.locator("summary").click()
    expect(uses.locator("[data-diff] .added").first).to_contain_text("surface")

    page.get_by_role("button", name="Preview and check").click()
    expect(page.locator("#outcome")).to_contain_text("cannot be applied yet")
    page.get_by_role("button", name="Approve all files").click()
    expect(page.locator("#files .badge", has_text="Approved")).to_have_count(3)
    page.get_by_role("button", name="Preview and check").click()
    expect(page.locator("#outcome")).to_contain_text("checks passed")
    page.get_by_role("button", name="Apply", exact=True).click()
    expect(page.locator("#state")).to_have_text("Applied")

    with page.expect_download() as download:
        page.get_by_role("link", name="Download the patch").click()
    patch = Path(download.value.path()).read_bytes()
    proposal, application = apart(lambda: stored(project))
    assert proposal.state == ProposalState.APPLIED
    assert hashlib.sha256(patch).digest() == bytes(application.patch_digest)
    assert (
        applied_tree(tmp_path / "remote.git", proposal.base_commit, patch, tmp_path / "clone")
        == application.tree_id
    )
    assert complaints.found == []


def stored(project: Project) -> tuple[Proposal, Application]:
    proposal = Proposal.objects.get(project=project)
    return proposal, proposal.applications.get()


def applied_tree(remote: Path, commit: str, patch: bytes, clone: Path) -> str:
    """Return the tree that git makes of the patch on a clone of a commit."""
    subprocess.run(["git", "clone", "-q", str(remote), str(clone)], check=True)
    subprocess.run(["git", "-C", str(clone), "checkout", "-q", commit], check=True)
    subprocess.run(["git", "-C", str(clone), "apply", "--index"], input=patch, check=True)
    done = subprocess.run(["git", "-C", str(clone), "write-tree"], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_a_decision_that_comes_late_is_refused_and_says_why(
    project: Project, member: User, installation: Installation, browser: Browser
) -> None:
    page, _ = new_page(browser, base_url=installation.url)
    sign_in(page, email=member.email, password=PASSWORD)
    propose(page, project)
    apart(lambda: Proposal.objects.filter(project=project).update(state=ProposalState.REJECTED))
    page.get_by_role("button", name="Approve all files").click()
    expect(page.locator("#problem")).to_contain_text("The page now shows how the proposal stands.")
    expect(page.locator("#state")).to_have_text("Rejected")


def test_what_changes_while_the_page_is_fetched_is_shown(
    project: Project, member: User, actors: Actors, installation: Installation, browser: Browser
) -> None:
    page, _ = new_page(browser, base_url=installation.url)
    heard = listen(page, for_event="proposal.changed")
    sign_in(page, email=member.email, password=PASSWORD)
    propose(page, project)
    held = hold_next(page, page.url)
    page.get_by_role("button", name="Approve all files").click()
    wait_until(page, held.is_there)
    before = len(heard)
    apart(lambda: reject_proposal(actor=actors.manager.actor, proposal=Proposal.objects.get(project=project)))
    wait_until(page, lambda: len(heard) > before)
    held.let_go()
    expect(page.locator("#state")).to_have_text("Rejected")


def test_pages_of_a_project_are_for_everybody(
    project: Project, member: User, installation: Installation, browser: Browser
) -> None:
    page, _ = new_page(browser, base_url=installation.url)
    sign_in(page, email=member.email, password=PASSWORD)
    for part in ("", "manifest/", "jobs/", "renames/", "settings/"):
        page.set_viewport_size({"width": 360, "height": 800})
        page.goto(f"/projects/{project.pk}/{part}")
        assert not is_wider_than_the_screen(page), part
        assert findings(page) == [], part
    page.goto("/projects/new/")
    assert re.search("New project", page.title())
    assert findings(page) == []
