"""What happens while a page fetches itself: an answer that comes late, and events that come before it."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connection
from playwright.sync_api import APIResponse, Page, Route

from tests.browser.chromium import PATIENCE_MS

T = TypeVar("T")


class Held:
    """The answer to one request, as the server made it at once, until it is let go."""

    def __init__(self) -> None:
        self.route: Route | None = None
        self.answer: APIResponse | None = None

    def take(self, route: Route) -> None:
        """Ask the server in the page's place."""
        self.answer = route.fetch()
        self.route = route

    def is_there(self) -> bool:
        """Tell whether the server has answered."""
        return self.route is not None

    def let_go(self) -> None:
        """Hand the answer to the page."""
        assert self.route is not None
        assert self.answer is not None
        self.route.fulfill(response=self.answer)


def hold_next(page: Page, address: str) -> Held:
    """Hold the answer to the page's next request for an address."""
    held = Held()
    page.route(address, held.take, times=1)
    return held


def listen(page: Page, *, for_event: str) -> list[str]:
    """Return the events of a type that the page is told, as they come; call it before the page is opened."""
    heard: list[str] = []

    def hear(frame: str | bytes) -> None:
        if f'"{for_event}"' in str(frame):
            heard.append(str(frame))

    page.on("websocket", lambda socket: socket.on("framereceived", hear))
    return heard


def wait_until(page: Page, holds: Callable[[], bool]) -> None:
    """Wait, with the browser at work, until something holds."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while not holds():
        assert time.monotonic() < deadline
        page.wait_for_timeout(50)


def apart(act: Callable[[], T]) -> T:
    """Ask the database in a thread: the browser's own has an event loop, in which Django refuses to."""

    def asked() -> T:
        try:
            return act()
        finally:
            connection.close()  # the thread's own

    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(asked).result()
