"""Run one of our modules over hostile input: a process with nothing in its environment, and limits.

The module has `main(stdin: IO[bytes], stdout: IO[bytes]) -> None`. It starts in a private empty folder,
isolated from the user's site and from PYTHON* variables; its sockets and child processes are refused.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.conf import settings

from apps.common.errors import Unavailable

# Ran by `python -I -c`: sets its own limits before anything of the input is seen.
CHILD: Final = """
import resource, sys
root, module, memory, cpu, files = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
resource.setrlimit(resource.RLIMIT_CPU, (int(cpu), int(cpu) + 1))
resource.setrlimit(resource.RLIMIT_NOFILE, (int(files), int(files)))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
sys.path.insert(0, root)
import importlib
main = importlib.import_module(module).main
REFUSED = ("socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.system", "pty.")
def refuse(event, arguments):
    if event.startswith(REFUSED):
        raise PermissionError(event)
sys.addaudithook(refuse)
main(sys.stdin.buffer, sys.stdout.buffer)
"""


class EngineTimeout(Unavailable):
    """The analysis took longer than it may."""

    code = "projects.engine_timeout"


class EngineFailed(Unavailable):
    """The analysis ended without an answer, say for want of memory."""

    code = "projects.engine_failed"


@dataclass(frozen=True, slots=True)
class EngineLimits:
    """What a run may take: address space in bytes, CPU and wall time in seconds, open files."""

    memory_bytes: int = 2 * 1024**3
    cpu_s: int = 120
    wall_s: float = 300.0
    files: int = 256


def run_isolated(
    module: str, content: bytes, *, folder: Path | None = None, limits: EngineLimits | None = None
) -> bytes:
    """Return what the module writes for `content`; it works in `folder`, by default one made for it.

    Raises EngineTimeout, EngineFailed.
    """
    bounds = limits or EngineLimits()
    with contextlib.ExitStack() as stack:
        place = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="engine-")))
        command = [
            *(sys.executable, "-I", "-B", "-c", CHILD, str(settings.BASE_DIR), module),
            *(str(bounds.memory_bytes), str(bounds.cpu_s), str(bounds.files)),
        ]
        process = subprocess.Popen(
            command,
            cwd=place,
            env={"PATH": os.defpath, "LANG": "C.UTF-8"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(content, timeout=bounds.wall_s)
        except subprocess.TimeoutExpired as error:
            raise EngineTimeout from error
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            # Closes its pipes as well.
            process.communicate()
    if process.returncode in {-signal.SIGXCPU, -signal.SIGKILL}:
        raise EngineTimeout
    if process.returncode != 0:
        raise EngineFailed
    return output
