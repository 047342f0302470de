"""Our own processes as programs of the supervisor: web, worker, beat and commands that run once."""

import os
import signal
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

from config.bootstrap import BASE_DIR
from config.embedded.processes import Program

QUEUES: Final = "high_priority,default,notifications,low_priority,training"
ANSWER_SECONDS: Final = 2.0
DRAIN_SECONDS: Final = 10
# glibc keeps what a large answer or import needed, in every thread's arena, unless told to give it back:
# after answers of 80,000 cells the web process held 440 MB, with these 205 MB.
ALLOCATOR: Final = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": str(1 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(8 << 20),
}


def service_environ(var_dir: Path, role: str, extra: dict[str, str]) -> dict[str, str]:
    """Return the environment of one of our processes; what the caller set wins over `extra`."""
    defaults = {"LOG_FORMAT": "console", "STAFF_MFA_REQUIRED": "false", "PREVIEWS_DEV_URLS": "true"}
    defaults |= ALLOCATOR | extra
    fixed = {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SEXTANT_BOOTSTRAPPED": "1",
        "SEXTANT_ROLE": role,
        "VAR_DIR": str(var_dir),
        "PYTHONUNBUFFERED": "1",
    }
    return defaults | os.environ | fixed


def web_program(listener: socket.socket, environ: dict[str, str]) -> Program:
    """Return the web server: HTTP and websockets in one process.

    It takes the connections of a socket that the supervisor holds: nobody else gets the port between the look
    for a free one and the start or a restart of the server, and callers wait for a restart.
    """
    host, port = listener.getsockname()[:2]
    command = [sys.executable, "-m", "uvicorn", "config.asgi:application", "--fd", str(listener.fileno())]
    command += [
        "--ws",
        "config.websocket:LiveWebSocketProtocol",
        "--no-server-header",
        # Addresses may carry tokens, and our own log has every request; who is behind a proxy is decided by
        # TRUSTED_PROXIES alone.
        "--no-access-log",
        "--no-proxy-headers",
        "--timeout-graceful-shutdown",
        str(DRAIN_SECONDS),
    ]
    return Program(
        name="web",
        command=command,
        environ=environ,
        stop_signal=signal.SIGTERM,
        stop_seconds=DRAIN_SECONDS + 2,
        announcement=b"Uvicorn running on",
        is_ready=lambda _pid: is_alive(host, port),
        pass_fds=(listener.fileno(),),
    )


def is_alive(host: str, port: int) -> bool:
    """Tell whether the web process answers."""
    # By hand: the library for it would stay in the supervisor's memory, with all of mail and TLS.
    try:
        with socket.create_connection((reachable(host), port), ANSWER_SECONDS) as connection:
            connection.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return connection.recv(64).startswith(b"HTTP/1.1 200 ")
    except OSError:
        return False


def reachable(host: str) -> str:
    """Return the address at which a server that listens on `host` is reached from here."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def worker_program(environ: dict[str, str]) -> Program:
    """Return the worker of all queues; its pool dies with it."""
    command = [sys.executable, "-m", "config.embedded.child", "config.worker", QUEUES]
    return Program(
        name="worker",
        command=command,
        environ=environ,
        stop_signal=signal.SIGTERM,
        stop_seconds=15,
        announcement=b" ready.",
    )


def beat_program(var_dir: Path, environ: dict[str, str]) -> Program:
    """Return the clock; its table is in the database."""
    return Program(
        name="beat",
        command=[sys.executable, "-m", "config.clock", str(var_dir / "run" / "beat")],
        environ=environ,
        stop_signal=signal.SIGTERM,
        stop_seconds=5,
        announcement=b"beat: Starting",
    )


def static_program(environ: dict[str, str]) -> Program:
    """Return what brings the static files up to date: first the browser libraries, then the collection."""
    program = command_program("static", [], environ)
    return replace(program, command=[sys.executable, "-m", "config.embedded.static_files"])


def jobs_program(environ: dict[str, str]) -> Program:
    """Return what runs the jobs while the broker is lost; it ends when that is back."""
    return replace(command_program("jobs", ["run_jobs", "--until-broker"], environ), stop_seconds=15)


def command_program(name: str, arguments: list[str], environ: dict[str, str]) -> Program:
    """Return a management command that runs once; its log is called `name`."""
    return Program(
        name=name,
        command=[sys.executable, str(BASE_DIR / "manage.py"), *arguments],
        environ=environ,
        stop_signal=signal.SIGTERM,
        stop_seconds=5,
        once=True,
    )
