"""The real processes of an installation, web and worker, on the database clone of a test."""

import contextlib
import http.client
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from django.conf import settings
from django.db import connection

READY_WITHIN_S = 120.0


@dataclass(frozen=True, slots=True)
class Installation:
    """Where the pages are."""

    port: int

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"


@contextlib.contextmanager
def run_installation() -> Iterator[Installation]:
    """Run web and worker until the block ends; raises TimeoutError if the pages do not answer."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    web = ["uvicorn", "config.asgi:application", "--port", str(port), "--log-level", "warning"]
    web += ["--ws", "config.websocket:LiveWebSocketProtocol", "--timeout-graceful-shutdown", "3"]
    worker = ["celery", "-A", "config.celery", "worker", "--pool", "solo", "--loglevel", "ERROR"]
    worker += ["-Q", "high_priority,default,low_priority,training", "--without-gossip", "--without-mingle"]
    with _process(web, "web"), _process([*worker, "-n", secrets.token_hex(4)], "worker"):
        _wait_until_it_answers(port)
        yield Installation(port)


@contextlib.contextmanager
def _process(arguments: list[str], role: str) -> Iterator[None]:
    environ = {**os.environ, "DATABASE_URL": _database_url(), "REDIS_URL": settings.REDIS_URL}
    # Open, so that there is a sign-up to look at.
    environ |= {"SEXTANT_ROLE": role, "VAR_DIR": str(settings.VAR_DIR), "SIGNUP_MODE": "open"}
    environ["PROJECTS_DATA_DIR"] = str(settings.PROJECTS_DATA_DIR)
    process = subprocess.Popen([sys.executable, "-m", *arguments], cwd=settings.BASE_DIR, env=environ)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _database_url() -> str:
    """Return the address of the test's clone."""
    found = connection.settings_dict
    user = quote(found["USER"], safe="")
    if found["HOST"].startswith("/"):
        return f"postgres://{user}@/{found['NAME']}?host={quote(found['HOST'])}&port={found['PORT'] or 5432}"
    password = quote(found["PASSWORD"], safe="")
    return f"postgres://{user}:{password}@{found['HOST']}:{found['PORT'] or 5432}/{found['NAME']}"


def _wait_until_it_answers(port: int) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        asking = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
        with contextlib.closing(asking), contextlib.suppress(OSError):
            asking.request("GET", "/livez")
            asking.getresponse().read()
            return
        time.sleep(0.1)
    raise TimeoutError("the web process does not answer")
