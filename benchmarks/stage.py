"""What a benchmark stands on: processes that end with it, free ports, notes for the reader."""

import http.client
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from config.embedded.services import beat_program, service_environ, worker_program

READY_SECONDS = 90.0
# Where it is not called like its package.
PROGRAMS = {
    "libnginx-mod-nchan": "nginx",
    "influxdb": "influxd",
    "postgresql-client": "psql",
    "gdal-bin": "ogr2ogr",
}
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


class Server:
    """A server under measurement, with the processes that do its work."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = process
        self.port = port

    def pids(self) -> list[int]:
        """Return the process and its children."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [self.process.pid, *map(int, children)]

    def cpu_s(self) -> float:
        """Return the CPU time used so far."""
        return sum(_cpu_s(pid) for pid in self.pids())

    def memory_bytes(self) -> int:
        """Return the proportional memory held now."""
        return sum(_pss_bytes(pid) for pid in self.pids())


class Stage:
    """Starts servers for one benchmark, and stops them by their own process ids."""

    def __init__(self, var_dir: Path, *, quick: bool, quiet: bool) -> None:
        self.folder = var_dir / "peers"
        self.quick = quick
        self.notes: list[str] = []
        self._quiet = quiet
        self._servers: list[Server] = []

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.process.terminate()
        for server in self._servers:
            self.stop(server)

    @property
    def rounds(self) -> int:
        """Return how often each candidate is measured."""
        return 1 if self.quick else 3

    def say(self, text: str) -> None:
        """Tell a waiting person what happens."""
        if not self._quiet:
            print(text, flush=True)

    def lacks(self, package: str) -> bool:
        """Note that a Debian package is not installed, unless its program is found."""
        program = PROGRAMS.get(package, package)
        module = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")
        if shutil.which(program) and (package != "libnginx-mod-nchan" or module.exists()):
            return False
        self.notes.append(f"Not measured: the Debian package {package} is not installed.")
        self.say(self.notes[-1])
        return True

    def start_uvicorn(
        self, application: str, *options: str, environ: Mapping[str, str] | None = None, log: str = ""
    ) -> Server:
        """Start one web process as `up` does, on a free port; it prints into the file `log`, if any."""
        port = free_port()
        command = [sys.executable, "-m", "uvicorn", application, "--host", "127.0.0.1", "--port", str(port)]
        command += ["--no-access-log", "--no-proxy-headers", "--log-level", "warning", *options]
        return self.start(command, port, environ, log)

    def start_worker(self, log: str = "") -> Server:
        """Start the worker of all queues as `up` does; it may not be ready yet."""
        program = worker_program(service_environ(self.folder.parent, "worker", {}))
        return self._spawn(program.command, 0, program.environ, log)

    def start_beat(self, log: str = "") -> Server:
        """Start the clock as `up` does; it may not be ready yet."""
        var_dir = self.folder.parent
        program = beat_program(var_dir, service_environ(var_dir, "beat", {}))
        return self._spawn(program.command, 0, program.environ, log)

    def _spawn(self, command: Sequence[str], port: int, environ: Mapping[str, str], log: str) -> Server:
        with (self.folder / log if log else Path(os.devnull)).open("wb") as file:
            output = file if log else None
            process = subprocess.Popen(command, env=environ, stdout=output, stderr=output)
        server = Server(process, port)
        self._servers.append(server)
        return server

    def stop(self, server: Server) -> None:
        """Stop one server before the end."""
        server.process.terminate()
        try:
            server.process.wait(10)
        except subprocess.TimeoutExpired:
            server.process.kill()

    def start(
        self, command: Sequence[str], port: int, environ: Mapping[str, str] | None = None, log: str = ""
    ) -> Server:
        """Start a server and wait until it takes connections."""
        server = self._spawn(command, port, {**os.environ, **(environ or {})}, log)
        deadline = time.monotonic() + READY_SECONDS
        while not _answers(port):
            if server.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} does not answer")
            time.sleep(0.05)
        return server


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/livez", headers={"Host": "localhost"})
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def _pss_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("Pss:"))) * 1024
