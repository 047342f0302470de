"""A signal triaged by two at once: the second sees the change, and a move that comes late is refused."""

import re
import threading
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from apps.accounts.models import User
from apps.signals.models import Signal
from apps.signals.policies import role_types_of
from tests.browser.chromium import Complaints, new_page, sign_in
from tests.browser.installation import Installation
from tests.factories.accounts import PASSWORD
from tests.factories.signals import ObservationFactory, create_signal
from tests.furniture.people import Actors

pytestmark = pytest.mark.browser


@pytest.fixture
def signal(actors: Actors) -> Signal:
    """Give the worst of two signals, observed in a run."""
    organization = actors.manager.actor.organization
    role_types_of(organization)
    create_signal(organization, severity=61, signal_type="emerging_risk", facility_name="Quiet House")
    row = create_signal(organization, facility_name="Hospital, “North” <1>")
    ObservationFactory.create(signal=row)
    return row


@pytest.fixture
def analyst(actors: Actors) -> User:
    """Give a second person, who may work on what is theirs."""
    assert actors.analyst.user is not None
    return actors.analyst.user


@pytest.fixture
def pages(
    signal: Signal, analyst: User, member: User, browser: Browser, installation: Installation
) -> Iterator[tuple[Page, Page]]:
    """Give a manager's page and an analyst's, in profiles of their own, with nothing to complain about."""
    opened: list[tuple[Page, Complaints]] = []
    for user in (member, analyst):
        page, complaints = new_page(browser, base_url=installation.url)
        sign_in(page, email=user.email, password=PASSWORD)
        opened.append((page, complaints))
    yield opened[0][0], opened[1][0]
    assert [complaint for _, complaints in opened for complaint in complaints.found] == []


def open_signal(page: Page) -> None:
    page.goto("/signals/")
    expect(page.locator(".board-table tbody tr")).to_have_count(2)
    page.get_by_role("link", name="Hospital, “North” <1>").click()
    page.locator("#triage").wait_for()
    expect(page.locator("html")).to_have_attribute("data-live", "open")


def status_of(page: Page) -> Callable[[str], None]:
    return lambda text: expect(page.locator("#status")).to_have_text(text)


def test_two_people_triage_one_signal(pages: tuple[Page, Page], signal: Signal, analyst: User) -> None:
    manager, second = pages
    open_signal(manager)
    open_signal(second)

    manager.get_by_label("Give to").select_option(str(analyst.pk))
    manager.get_by_label("As", exact=True).select_option("nursing_leadership")
    manager.get_by_role("button", name="Assign").click()
    status_of(manager)("Assigned")
    status_of(second)("Assigned")
    expect(second.locator("#changed")).to_contain_text("Changed just now: assigned")

    second.get_by_label("Comment", exact=True).fill("Looking into **discharges**.")
    second.get_by_role("button", name="Start work").click()
    status_of(second)("In progress")
    status_of(manager)("In progress")
    expect(second.get_by_label("Comment", exact=True)).to_have_value("Looking into **discharges**.")

    second.get_by_role("button", name="Comment", exact=True).click()
    expect(manager.locator(".comment-body strong")).to_have_text("discharges")
    expect(second.get_by_label("Comment", exact=True)).to_have_value("")


def test_a_move_that_comes_late_is_refused_and_says_why(
    pages: tuple[Page, Page], signal: Signal, analyst: User
) -> None:
    manager, second = pages
    open_signal(manager)
    manager.get_by_label("Give to").select_option(str(analyst.pk))
    manager.get_by_role("button", name="Assign").click()
    status_of(manager)("Assigned")
    open_signal(second)
    second.get_by_role("button", name="Start work").click()
    status_of(manager)("In progress")

    # What the other does next reaches this page's server, but not the page: its news are held back.
    released = threading.Event()
    held: list[Route] = []
    second.route(re.compile(rf"/signals/{signal.pk}/$"), lambda route: hold(route, held, released))
    manager.get_by_role("button", name="Put back to assigned").click()
    status_of(manager)("Assigned")
    second.get_by_label("How it ended").select_option("mitigated")
    second.get_by_label("Notes").last.fill("Beds were added.")
    second.get_by_role("button", name="Resolve").click()
    expect(second.locator("#problem")).to_contain_text("Somebody else changed this signal before you did.")
    released.set()
    for route in held:
        route.continue_()
    status_of(second)("Assigned")
    expect(second.locator("#problem")).to_contain_text("The page now shows how the signal stands.")


def hold(route: Route, held: list[Route], released: threading.Event) -> None:
    if released.is_set():
        route.continue_()
    else:
        held.append(route)


def test_the_board_narrows_and_keeps_what_was_chosen(pages: tuple[Page, Page], signal: Signal) -> None:
    manager, _ = pages
    manager.goto("/signals/")
    manager.get_by_label("Type").select_option("emerging_risk")
    expect(manager.locator(".board-table tbody tr")).to_have_count(1)
    assert manager.url.endswith("/signals/?signal_type=emerging_risk&sort=-severity")
    manager.get_by_label("Search").fill("nobody is called so")
    manager.get_by_role("button", name="Apply").click()
    expect(manager.get_by_role("heading", name="No signal fits")).to_be_visible()
    manager.get_by_role("link", name="Show all signals").click()
    expect(manager.locator(".board-table tbody tr")).to_have_count(2)
