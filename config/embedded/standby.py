"""The supervisor's watch over the broker: while it is lost, a process runs the jobs from the database."""

import contextlib
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from config import env
from config.embedded.processes import Child, Program
from config.embedded.supervisor import Supervisor

LOOK_EVERY_S: Final = 5.0
LOST_AFTER_S: Final = 30.0
CONNECT_TIMEOUT_S: Final = 0.25
ANSWER_TIMEOUT_S: Final = 0.5
PORTS: Final = {"redis": 6379, "rediss": 6379, "amqp": 5672, "amqps": 5671}
BROKER_SCHEMES: Final = (*PORTS, "unix", "redis+socket")


class BrokerWatch:
    """Looks at the broker now and then, and starts `program` once it has been lost for half a minute.

    The program ends by itself when the broker is back.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        program: Program,
        is_alive: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._supervisor = supervisor
        self._program = program
        self._is_alive = is_alive
        self._clock = clock
        self._look_at_s = 0.0
        self._lost_at_s: float | None = None
        self._child: Child | None = None

    def __call__(self) -> None:
        """Look if it is time to; costs at most three quarters of a second."""
        now_s = self._clock()
        if now_s < self._look_at_s:
            return
        self._look_at_s = now_s + LOOK_EVERY_S
        if self._child is not None and self._child.popen is None:
            self._supervisor.forget(self._child)
            self._child = None
        if self._is_alive():
            self._lost_at_s = None
            return
        self._lost_at_s = now_s if self._lost_at_s is None else self._lost_at_s
        if self._child is None and now_s - self._lost_at_s >= LOST_AFTER_S:
            self._child = self._supervisor.start(self._program)


def broker_answers(var_dir: Path) -> bool:
    """Tell whether the broker that the environment names, or the embedded one, can be reached."""
    stores = env.redis_url("REDIS_URL", var_dir)
    url = urlsplit(env.env_url("CELERY_BROKER_URL", stores, BROKER_SCHEMES))
    try:
        with _connect(url.scheme, url.hostname, url.port, url.path) as connection:
            if url.scheme in {"rediss", "amqp", "amqps"}:
                return True  # they say nothing before more is known of us; taking the connection must do
            connection.settimeout(ANSWER_TIMEOUT_S)
            connection.sendall(b"PING\r\n")
            # Even "sign in first" is a sign of life.
            return bool(connection.recv(16))
    except OSError:
        return False


def _connect(scheme: str, host: str | None, port: int | None, path: str) -> socket.socket:
    if scheme not in {"unix", "redis+socket"}:
        return socket.create_connection((host or "localhost", port or PORTS[scheme]), CONNECT_TIMEOUT_S)
    with contextlib.ExitStack() as stack:
        connection = stack.enter_context(socket.socket(socket.AF_UNIX))
        connection.settimeout(CONNECT_TIMEOUT_S)
        connection.connect(unquote(path))
        stack.pop_all()
    return connection
