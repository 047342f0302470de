"""A browser in front of a running installation."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from playwright.sync_api import Browser

from apps.accounts.models import User
from tests.browser.chromium import find_chromium, open_browser
from tests.browser.installation import Installation, run_installation
from tests.furniture.people import Actors


@pytest.fixture
def member(transactional_db: None, actors: Actors) -> User:
    """Give somebody who may import and publish."""
    assert actors.manager.user is not None
    return actors.manager.user


@pytest.fixture
def installation(member: User, valkey: redis.Redis, media: Path) -> Iterator[Installation]:
    """Give web and worker on this test's own database, in which everything already is."""
    with run_installation() as running:
        yield running


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
