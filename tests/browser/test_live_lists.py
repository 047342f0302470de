"""A list follows what happens to its rows, also while it is being fetched."""

from typing import Final

import pytest
from playwright.sync_api import Browser, expect

from apps.accounts.models import User
from apps.datasets.models import Dataset
from apps.datasets.services import create_dataset, update_dataset
from tests.browser.chromium import new_page, sign_in
from tests.browser.installation import Installation
from tests.browser.outrun import apart, hold_next, listen, wait_until
from tests.factories.accounts import PASSWORD
from tests.furniture.people import Actors

pytestmark = pytest.mark.browser

# A list looks a second after an event, so that many are one look.
LOOKS_WITHIN_MS: Final = 1500


@pytest.fixture
def dataset(actors: Actors) -> Dataset:
    """Give a dataset that the list shows."""
    return create_dataset(actor=actors.manager.actor, name="Stairs")


def test_what_changes_while_a_list_is_fetched_is_shown(
    dataset: Dataset, member: User, actors: Actors, installation: Installation, browser: Browser
) -> None:
    page, complaints = new_page(browser, base_url=installation.url)
    heard = listen(page, for_event="dataset.changed")
    sign_in(page, email=member.email, password=PASSWORD)
    page.goto("/datasets/")
    wait_until(page, lambda: page.locator("html").get_attribute("data-live") == "open")
    held = hold_next(page, page.url)
    while not held.is_there():
        rename(actors, dataset, "Steps")
        page.wait_for_timeout(LOOKS_WITHIN_MS)
    before = len(heard)
    rename(actors, dataset, "Ladder")
    wait_until(page, lambda: len(heard) > before)
    page.wait_for_timeout(LOOKS_WITHIN_MS)
    held.let_go()
    expect(page.get_by_role("link", name="Ladder")).to_be_visible()
    assert complaints.found == []


def rename(actors: Actors, dataset: Dataset, name: str) -> None:
    """Rename it as somebody else would, elsewhere."""
    apart(lambda: update_dataset(actor=actors.manager.actor, dataset=dataset, name=name))
