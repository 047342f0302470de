"""Start the whole installation: servers, migrations, sample data, web, worker and beat."""

import os
import socket
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from config import installation
from config.embedded.detach import detached
from config.embedded.processes import StartFailed
from config.embedded.questions import first_password
from config.embedded.start import SERVICES, Start, StartOptions, is_loopback, listen
from config.embedded.state import UpLock
from config.management.launcher import EXIT_FAILED, EXIT_USAGE, Launcher, LaunchFailed

FIRST_PORT = 8000
LAST_PORT = 8099
LAST_PORT_OF_ALL = 65_535
EXIT_PORT_TAKEN = 3


def processes(value: str) -> frozenset[str]:
    """Read a list such as `web,worker`."""
    names = frozenset(name.strip() for name in value.split(","))
    if not names <= set(SERVICES):
        raise ValueError(value)
    return names


def port(value: str) -> int:
    """Read the number of a port."""
    number = int(value)
    if not 0 < number <= LAST_PORT_OF_ALL:
        raise ValueError(value)
    return number


class Command(Launcher):
    """Start everything, or say that it runs already."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
        parser.add_argument("--port", type=port, help=f"default: the first free one from {FIRST_PORT}")
        parser.add_argument("--empty", action="store_true", help="no sample data, only an administrator")
        parser.add_argument("--detach", action="store_true", help="return once it runs")
        parser.add_argument(
            "--processes", type=processes, default=frozenset(SERVICES), help="web,worker,beat"
        )

    def handle(self, *_args: str, **options: Any) -> None:
        """Start, and return when everything has stopped."""
        began_at = float(os.environ.pop("SEXTANT_STARTED_AT", time.time()))
        installation.make_folders(self.var_dir)
        self.check_host(options["host"], empty=options["empty"])
        if options["detach"]:
            code = detached(lambda tell: self.start(options, began_at, tell), self.var_dir / "log" / "up.log")
        else:
            code = self.start(options, began_at, lambda: None)
        sys.exit(code)

    def start(self, options: dict[str, Any], began_at: float, tell: Callable[[], None]) -> int:
        """Start with a lock on the folder; `tell` is called when all is up. Returns the exit code."""
        lock = UpLock(self.var_dir)
        if not lock.acquire():
            holder = lock.holder()
            self.say(
                f"Sextant is running already at {holder.address}" if holder else "Sextant is just stopping"
            )
            return 0
        listener = self.listen(options["host"], options["port"])
        chosen = StartOptions(
            host=options["host"],
            port=listener.getsockname()[1],
            listener=listener,
            empty=options["empty"],
            processes=options["processes"],
            began_at=began_at,
        )

        def running() -> None:
            self.greet(chosen, detach=options["detach"])
            tell()

        try:
            Start(self.var_dir, chosen, lock, self.say).run(running)
        except StartFailed as error:
            self.complain(str(error))
            return EXIT_FAILED
        return 0

    def check_host(self, host: str, *, empty: bool) -> None:
        """Refuse to show a well-known sample administrator to the network."""
        existing = (self.var_dir / "postgres" / "data").exists() or os.environ.get("DATABASE_URL")
        if not (is_loopback(host) or empty or existing):
            message = (
                "--host beyond loopback needs --empty or an existing database: the sample users are known."
            )
            raise LaunchFailed(message, returncode=EXIT_USAGE)

    def listen(self, host: str, asked: int | None) -> socket.socket:
        """Return a socket that listens on the port asked for, else on the first free one."""
        ports = range(asked, asked + 1) if asked else range(FIRST_PORT, LAST_PORT + 1)
        try:
            listener = listen(host, ports)
        except OSError as error:
            raise LaunchFailed(f"Cannot listen on {host}: {error}", returncode=EXIT_USAGE) from error
        if listener is None:
            taken = asked or f"{FIRST_PORT} to {LAST_PORT}"
            message = f"Port {taken} on {host} is taken; choose another with --port."
            raise LaunchFailed(message, returncode=EXIT_PORT_TAKEN)
        return listener

    def greet(self, options: StartOptions, *, detach: bool) -> None:
        """Tell where it runs, how to sign in and how to stop."""
        self.say(f"\nSextant is running at {options.address}")
        password = first_password(self.var_dir)
        if password:
            self.say(f"Sign in as {installation.ADMIN_EMAIL} with the password {password}")
        self.say("Stop with: python3 manage.py down" if detach else "Stop with Ctrl-C")
