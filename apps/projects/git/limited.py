"""Runs one command under limits, and takes it down with whoever started it. A program of its own.

    python -I -S limited.py PARENT SECRET MEMORY CPU FILE_SIZE FILES NICE COMMAND...

SECRET is an inherited descriptor from which the command reads as its number 3, -1 for none. It leads the
process group: when the parent dies, the whole group does, also by kill -9. Standard library alone.
"""

import ctypes
import os
import resource
import signal
import sys
from types import FrameType

PR_SET_PDEATHSIG = 1
NUMBERS = 7
SECRET_DESCRIPTOR = 3


def main(arguments: list[str]) -> int:
    """Run the command; return its exit code, or die by the signal that ended it."""
    parent, secret, memory, cpu, file_size, files, nice = map(int, arguments[:NUMBERS])
    command = arguments[NUMBERS:]
    signal.signal(signal.SIGTERM, end_group)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        return signal.SIGTERM
    limit(resource.RLIMIT_AS, memory)
    limit(resource.RLIMIT_CPU, cpu)
    limit(resource.RLIMIT_FSIZE, file_size)
    limit(resource.RLIMIT_NOFILE, files)
    limit(resource.RLIMIT_CORE, 0)
    os.nice(nice)
    if secret >= 0:
        os.dup2(secret, SECRET_DESCRIPTOR)
    # What Python ignores its child must not: by SIGXFSZ a file over its limit ends git.
    plain = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM)
    child = os.posix_spawn(command[0], command, os.environ, setsigdef=plain)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        signal.signal(-code, signal.SIG_DFL) if -code not in (signal.SIGKILL, signal.SIGSTOP) else None
        os.kill(os.getpid(), -code)
    return code


def limit(which: int, value: int) -> None:
    """Set a limit, or the lower one that this process already has."""
    _, hard = resource.getrlimit(which)
    bounded = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (bounded, bounded))


def end_group(_number: int, _frame: FrameType | None) -> None:
    """Kill everything that the command started, and this process with it."""
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    # At once: whoever started git waits for this, and there is nothing to clean up.
    os._exit(main(sys.argv[1:]))
