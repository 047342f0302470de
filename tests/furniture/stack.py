"""The real thing for flows: web server and worker as processes of their own, on a database of their own.

    @pytest.mark.flow
    def test_import_survives_its_worker(stack, stack_actors): ...

While a test uses `stack`, this process works on the same database, Valkey and media folder: what it creates
is committed, and the processes see it. The rows stay for the next flow, which makes its own organization.
"""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from django.conf import settings
from django.db import connection
from django.test import override_settings

from config.embedded import identity, services
from config.embedded.identity import Identity
from tests.furniture import valkey
from tests.furniture.database import TestDatabase, connected_to, worker_number
from tests.furniture.people import Actors
from tests.furniture.storage import storages_in

START_S: Final = 180.0
STOP_S: Final = 60.0
# Below the databases that the test processes have for themselves.
FIRST_DATABASE: Final = 7


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the flows and the browser's stories in one test process, so that there is one stack."""
    for item in items:
        if "running_stack" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("running_stack"))


class Stack:
    """Processes of this tree by name: web, worker, and on demand beat."""

    def __init__(self, var_dir: Path, database: TestDatabase) -> None:
        self.var_dir = var_dir
        self.database = database
        self.redis_url = valkey.with_database(settings.REDIS_URL, FIRST_DATABASE - worker_number())
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as `up` does
        self.port: int = self.listener.getsockname()[1]
        self.url = f"http://localhost:{self.port}"
        self.tokens = {name: secrets.token_urlsafe(32) for name in ("HEALTH_TOKEN", "METRICS_TOKEN")}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def live_url(self) -> str:
        """Return the address of the websocket."""
        return f"ws://localhost:{self.port}/ws/live"

    def start(self, name: str, **environ: str) -> None:
        """Start a process, perhaps with variables of its own, and wait until it is ready."""
        program = self._programs()[name]()
        with self._log_path(name).open("wb") as log:
            self._processes[name] = subprocess.Popen(
                program.command,
                cwd=settings.BASE_DIR,
                env=program.environ | environ,
                stdout=log,
                stderr=subprocess.STDOUT,
                # They must not outlive a test run that is killed.
                preexec_fn=identity.child_setup(Identity.CALLER, signal.SIGKILL),  # noqa: PLW1509
                pass_fds=program.pass_fds,
            )
        ready = self.is_web_alive if name == "web" else lambda: program.announcement in self._raw_log(name)
        self._wait(name, ready)

    def kill(self, name: str) -> None:
        """End a process at once, as a power cut would."""
        process = self._processes.pop(name)
        process.kill()
        process.wait()

    def has_died(self, name: str) -> bool:
        """Tell whether a process has ended by itself; it can be started again then."""
        if self._processes[name].poll() is None:
            return False
        del self._processes[name]
        return True

    def command(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a management command beside the processes, on their database."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=settings.BASE_DIR,
            env=self._environ("command") | environ,
            capture_output=True,
            text=True,
            check=False,
        )

    def stop(self) -> None:
        """Ask all processes to end; kill those that do not."""
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()
        self.listener.close()

    def log(self, name: str) -> str:
        """Return what a process has written since its last start."""
        return self._raw_log(name).decode(errors="replace")

    def is_web_alive(self) -> bool:
        """Tell whether the web process answers."""
        try:
            return httpx.get(f"{self.url}/livez", timeout=2).status_code == 200
        except httpx.TransportError:
            return False

    def _programs(self) -> dict[str, Callable[[], Any]]:
        return {
            "web": lambda: services.web_program(self.listener, self._environ("web")),
            "worker": lambda: services.worker_program(self._environ("worker")),
            "beat": lambda: services.beat_program(self.var_dir, self._environ("beat")),
        }

    def _environ(self, role: str) -> dict[str, str]:
        own = {
            "DATABASE_URL": database_url(self.database.name),
            "PGPORT": str(connection.settings_dict["PORT"] or ""),
            "REDIS_URL": self.redis_url,
            "BASE_URL": self.url,
            "LOG_FORMAT": "json",
            # The one host that common clients of StatHat know.
            "METRICS_STATHAT_HOSTS": "api.stathat.com",
            # Open, so that there is a sign-up to look at.
            "SIGNUP_MODE": "open",
            **self.tokens,
            # The same secrets, so that sessions and tokens made here are good there.
            "SECRET_KEY": settings.SECRET_KEY,
            **{
                name: ",".join(getattr(settings, name))
                for name in ("JWT_SIGNING_KEYS", "ENCRYPTION_KEYS", "KEY_PEPPERS", "PROJECTS_MANIFEST_KEYS")
            },
        }
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        for name in ("CACHE_URL", "CHANNEL_URL", "CELERY_BROKER_URL"):
            inherited.pop(name, None)
        environ = services.service_environ(self.var_dir, role, {}) | inherited | own
        return environ | {"SEXTANT_ROLE": role, "VAR_DIR": str(self.var_dir)}

    def _log_path(self, name: str) -> Path:
        return self.var_dir / "log" / f"{name}.log"

    def _raw_log(self, name: str) -> bytes:
        return self._log_path(name).read_bytes()

    def _wait(self, name: str, ready: Callable[[], bool]) -> None:
        deadline_s = time.monotonic() + START_S
        while not ready():
            has_ended = self._processes[name].poll() is not None
            if has_ended or time.monotonic() > deadline_s:
                pytest.fail(f"{name} did not start:\n{self.log(name)[-4_000:]}")
            time.sleep(0.1)


def database_url(name: str) -> str:
    """Return the address of a database of the test server, over its socket or its host."""
    facts = connection.settings_dict
    login = ":".join(filter(None, [facts["USER"], facts["PASSWORD"]]))
    if str(facts["HOST"]).startswith("/"):
        return f"postgres://{login}@/{facts['HOST']}/{name}"
    port = f":{facts['PORT']}" if facts["PORT"] else ""
    return f"postgres://{login}@{facts['HOST']}{port}/{name}"


@pytest.fixture(scope="session")
def running_stack(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Start the processes with the first test that asks for them; stop them with the session."""
    var_dir = tmp_path_factory.mktemp("stack")
    for folder in ("log", "run", "media", "mail"):
        (var_dir / folder).mkdir()
    (var_dir / "static").symlink_to(settings.STATIC_ROOT)
    with django_db_blocker.unblock():
        database = TestDatabase("stack")
        database.create()
        stack = Stack(var_dir, database)
        try:
            stack.start("web")
            stack.start("worker")
            yield stack
        finally:
            stack.stop()
            database.remove()


@pytest.fixture
def stack(running_stack: Stack, media: Path, django_db_blocker: Any) -> Iterator[Stack]:
    """Give the running processes, and work on their database, Valkey and media folder."""
    folder = running_stack.var_dir / "media"
    own = {"MEDIA_ROOT": folder, "PROJECTS_DATA_DIR": running_stack.var_dir / "projects"}
    layers: dict[str, Any] = settings.CHANNEL_LAYERS
    before = settings.REDIS_URL, layers["default"]["CONFIG"]["prefix"]
    with (
        django_db_blocker.unblock(),
        connected_to(running_stack.database.name),
        override_settings(STORAGES=storages_in(folder), **own),
    ):
        valkey.point_settings_to(running_stack.redis_url, prefix="asgi")
        valkey.forget_limits(running_stack.redis_url)
        yield running_stack
        valkey.point_settings_to(before[0], prefix=before[1])


@pytest.fixture
def stack_actors(stack: Stack) -> Actors:
    """Give seven actors of fresh organizations, committed where the processes see them."""
    return Actors()
