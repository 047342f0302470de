"""The system's Chromium, and what it must never do: log an error, fail a request, ask another host."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, sync_playwright

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--enable-unsafe-swiftshader"]
# Not ours: the software renderer complains about its own speed.
DRIVER_NOISE = "GL Driver Message"
# Pages wait for their data, on machines that others use as well.
PATIENCE_MS = 60_000


def find_chromium() -> str | None:
    """Return the browser of CHROMIUM_PATH, else the one on PATH; None if there is none."""
    names = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
    return os.environ.get("CHROMIUM_PATH") or next(filter(None, map(shutil.which, names)), None)


@contextlib.contextmanager
def open_browser(executable: str) -> Iterator[Browser]:
    """Run the browser until the block ends."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Complaints:
    """Everything that went wrong behind a page."""

    host: str
    found: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        """Listen to a page from now on."""
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.found.append(f"uncaught: {error}"))
        page.on("request", self._on_request)
        page.on("requestfailed", self._on_failure)
        page.on("response", self._on_response)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and DRIVER_NOISE not in message.text:
            self.found.append(f"console {message.type}: {message.text} {message.location.get('url', '')}")

    def _on_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in {"http", "https", "ws", "wss"} and parts.netloc != self.host:
            self.found.append(f"foreign host: {request.url}")

    def _on_failure(self, request: Request) -> None:
        # A page takes back requests whose answer it no longer needs: the map on each move, all on leaving.
        if request.failure != "net::ERR_ABORTED":
            self.found.append(f"failed: {request.url} {request.failure}")

    def _on_response(self, response: Response) -> None:
        if response.status >= 400:
            self.found.append(f"status {response.status}: {response.url}")


def new_page(
    browser: Browser,
    *,
    base_url: str,
    width: int = 1440,
    height: int = 900,
    colour_scheme: Literal["light", "dark"] = "light",
) -> tuple[Page, Complaints]:
    """Return a page of a fresh profile, and what will be found wrong with it."""
    context = browser.new_context(
        base_url=base_url,
        viewport={"width": width, "height": height},
        color_scheme=colour_scheme,
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    complaints = Complaints(host=urlsplit(base_url).netloc)
    complaints.watch(page)
    return page, complaints


def sign_in(page: Page, *, email: str, password: str) -> None:
    """Sign in by the form."""
    page.goto("/accounts/login/")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/accounts/" not in url)


def wait_for_cells(page: Page) -> None:
    """Wait until the map has drawn the cells of its view."""
    page.locator("#map[data-cells]").wait_for()
    page.locator("#map[data-drawn]").wait_for()
