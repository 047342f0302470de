"""A browser in front of a running installation: the stack of the flows, an organization for each story."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from apps.accounts.models import User
from tests.browser.chromium import PATIENCE_MS, find_chromium, open_browser
from tests.browser.installation import Installation
from tests.furniture.people import Actors
from tests.furniture.stack import Stack

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture
def actors(stack_actors: Actors) -> Actors:
    """Give actors that the installation knows."""
    return stack_actors


@pytest.fixture
def member(actors: Actors) -> User:
    """Give somebody who may import and publish."""
    assert actors.manager.user is not None
    return actors.manager.user


@pytest.fixture
def installation(stack: Stack, member: User) -> Installation:
    """Give web and worker, in which the member already is."""
    return Installation(stack.url)


@pytest.fixture
def browser(installation: Installation) -> Iterator[Browser]:
    """Give the system's Chromium; skips with the reason where there is none.

    It starts last and ends first: while it runs, this thread has an event loop, in which Django refuses to
    touch the database.
    """
    executable = find_chromium()
    if executable is None:
        pytest.skip("there is no Chromium on PATH, and CHROMIUM_PATH names none")
    with open_browser(executable) as running:
        yield running
