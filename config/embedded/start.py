"""The start of an installation, step by step, and its run until somebody stops it."""

import contextlib
import errno
import shutil
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config import installation
from config.bootstrap import BASE_DIR
from config.browser_libraries import INSTALLING, SERVED_DIR, is_current
from config.embedded import postgres, services
from config.embedded.identity import Identity
from config.embedded.processes import Child, Program, StartFailed
from config.embedded.questions import migration_state
from config.embedded.servers import postgres_program, valkey_program
from config.embedded.standby import BrokerWatch, broker_answers
from config.embedded.state import UpLock, write_processes
from config.embedded.supervisor import Supervisor

SERVICES: Final = ("web", "worker", "beat")
COMMAND_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True)
class StartOptions:
    """What `up` was asked for."""

    host: str
    port: int
    listener: socket.socket
    empty: bool
    processes: frozenset[str]
    began_at: float

    @property
    def address(self) -> str:
        """Return where the page answers."""
        name = "localhost" if self.host in {"127.0.0.1", "0.0.0.0", "::", "::1"} else self.host
        return f"http://{name}:{self.port}"


class Start:
    """One start of one data folder."""

    def __init__(
        self, var_dir: Path, options: StartOptions, lock: UpLock, say: Callable[[str], None]
    ) -> None:
        self.var_dir = var_dir
        self.options = options
        self.lock = lock
        self.say = say
        self.is_up = False
        self.supervisor = Supervisor(var_dir / "log", self._write_state)

    def run(self, on_running: Callable[[], None]) -> None:
        """Start everything, call `on_running`, and return once everything has stopped again.

        Raises StartFailed where a step fails; everything is stopped then as well.
        """
        with self.supervisor.signals():
            try:
                self._start_all()
                self.is_up = True
                self._write_state()
                on_running()
                self.supervisor.run(self._watch_broker())
                self.say("Stopping ...")
            finally:
                # Before the web process stops: whoever comes now is refused at once.
                self.options.listener.close()
                self.supervisor.stop_all()
                self.lock.release()

    def _start_all(self) -> None:
        self.lock.write(self.options.address)
        self._write_state()
        # What the processes of the last start counted (config/shared_counting.py).
        shutil.rmtree(self.var_dir / "run" / "metrics", ignore_errors=True)
        with self._step("environment", self.options.began_at):
            installation.make_secrets(self.var_dir)
            static = self._begin_static_files()
        self._start_servers()
        self._prepare_database()
        if static:
            self.supervisor.finish(static, COMMAND_SECONDS)
            installation.set_stamp(self.var_dir, "static", static_fingerprint())
        self._start_services()

    @contextlib.contextmanager
    def _step(self, name: str, began_at: float | None = None) -> Iterator[None]:
        """Print a line with the step's time when it is done."""
        began = began_at or time.time()
        try:
            yield
        except StartFailed:
            self.say(f"{name:<12} failed")
            raise
        self.say(f"{name:<12} {time.time() - began:6.1f} s")

    def _start_servers(self) -> None:
        """Start both servers at once, then wait for each."""
        with self._step("postgres"):
            database = postgres_program(self.var_dir, fast=False)
            if database is None:
                postgres.prepare_sockets(self.var_dir, Identity.CALLER)
            server = valkey_program(self.var_dir, fast=False)
            children = [self.supervisor.start(program) for program in (database, server) if program]
            self._wait(children, "postgres")
        with self._step("valkey"):
            self._wait(children, "valkey")

    def _wait(self, children: Iterable[Child], name: str) -> None:
        for child in children:
            if child.program.name == name:
                self.supervisor.wait_ready(child)

    def _prepare_database(self) -> None:
        """Migrate and fill the database, unless it stands exactly where the last start left it."""
        sources = [*BASE_DIR.glob("*/migrations/*.py"), *BASE_DIR.glob("apps/*/migrations/*.py")]
        sources += [BASE_DIR / "requirements.txt"]
        files = installation.fingerprint(sources)
        stamp = installation.read_stamp(self.var_dir, "database")
        state = migration_state(self.var_dir)
        done = bool(state) and stamp == f"{files} {state}"
        with self._step("migrate"):
            if not done:
                self._run_command("migrate", ["migrate", "--no-input"])
        with self._step("sample"):
            installation.admin_password(self.var_dir)
            if not done:
                self._run_command("sample", ["first_data", *(["--empty"] if self.options.empty else [])])
        installation.set_stamp(self.var_dir, "database", f"{files} {migration_state(self.var_dir)}")

    def _begin_static_files(self) -> Child | None:
        """Begin to install and collect the static files beside the other steps, unless that is done."""
        has_libraries = is_current(for_tests=False)
        if has_libraries and installation.read_stamp(self.var_dir, "static") == static_fingerprint():
            return None
        if not has_libraries:
            self.say(INSTALLING)
        return self.supervisor.start(services.static_program(self._environ("command")))

    def _run_command(self, name: str, arguments: list[str]) -> None:
        program = services.command_program(name, arguments, self._environ("command"))
        self.supervisor.run_once(program, COMMAND_SECONDS)

    def _start_services(self) -> None:
        """Start all of our processes at once, then wait for each; the web process is the first to stop."""
        programs = self._programs()
        if "web" not in programs:
            self.options.listener.close()
        children = {
            name: self.supervisor.start(programs[name]) for name in reversed(SERVICES) if name in programs
        }
        for name in SERVICES:
            if name in children:
                with self._step(name):
                    self.supervisor.wait_ready(children[name])

    def _programs(self) -> dict[str, Program]:
        programs = {
            "web": services.web_program(self.options.listener, self._environ("web")),
            "worker": services.worker_program(self._environ("worker")),
            "beat": services.beat_program(self.var_dir, self._environ("beat")),
        }
        return {name: program for name, program in programs.items() if name in self.options.processes}

    def _watch_broker(self) -> Callable[[], None]:
        """Return the watch that has jobs run without a broker, where this installation runs jobs."""
        if "worker" not in self.options.processes:
            return lambda: None
        program = services.jobs_program(self._environ("command"))
        return BrokerWatch(self.supervisor, program, lambda: broker_answers(self.var_dir))

    def _environ(self, role: str) -> dict[str, str]:
        hosts = ["localhost", "127.0.0.1", "[::1]", *own_names(self.options.host)]
        extra = {"BASE_URL": self.options.address, "ALLOWED_HOSTS": ",".join(hosts)}
        return services.service_environ(self.var_dir, role, extra)

    def _write_state(self) -> None:
        write_processes(
            self.var_dir,
            self.supervisor.children.values(),
            started_at=self.options.began_at,
            is_up=self.is_up,
        )


def static_fingerprint() -> str:
    """Return what changes whenever a static file may have changed."""
    folders = (BASE_DIR / "static", *BASE_DIR.glob("apps/*/static"), SERVED_DIR)
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    return installation.fingerprint(
        [*files, BASE_DIR / "config" / "settings.py", BASE_DIR / "requirements.txt"]
    )


def own_names(host: str) -> list[str]:
    """Return the names by which this machine may be asked for when it listens beyond loopback."""
    if is_loopback(host):
        return []
    if host not in {"0.0.0.0", "::"}:
        return [host]
    with contextlib.suppress(OSError):
        name, aliases, found = socket.gethostbyname_ex(socket.gethostname())
        return [name, *aliases, *found]
    return [socket.gethostname()]


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches `host`."""
    return host in {"localhost", "::1"} or host.startswith("127.")


def listen(host: str, ports: range) -> socket.socket | None:
    """Listen on the first port that nobody else listens on; None if there is none.

    Raises OSError where the machine has no such address or the caller may not listen there.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in ports:
        listener = socket.socket(family)
        # Connections of a former server that still linger don't count.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections inherit it. The server takes a socket that it is handed for a Unix socket and does not
        # set it itself; without it the second half of an answer waits 40 ms for the client's acknowledgement.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            listener.bind((host, port))
            # Binding alone does not keep another server from the port.
            listener.listen()
        except OSError as error:
            listener.close()
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return listener
    return None
