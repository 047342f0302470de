"""One call of git: fixed environment and configuration, own process group, bounded time."""

import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from apps.projects.errors import GitFailed, GitMissing

READ_TIMEOUT_S: Final = 30.0
# Heap of a git that answers somebody who waits: packs are mapped from files and do not count.
READ_MEMORY_BYTES: Final = 512 * 1024**2
# Of one that may read anything: git itself stores no differences between what is larger than 512 MiB, so an
# object and what it is put together from fit.
MEMORY_BYTES: Final = 1536 * 1024**2

# Where nothing is: at home the libraries of git look for files of their own, such as .netrc with passwords.
HOME: Final = "/nonexistent"

# Nothing of a repository, of the machine or of a user's settings may choose what git does.
CONFIGURATION: Final = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.symlinks=false",
    "core.quotePath=false",
    "core.attributesFile=/dev/null",
    "credential.helper=",
    "http.followRedirects=false",
    "http.proxy=",
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=30",
    "transfer.bundleURI=false",
    "fetch.recurseSubmodules=no",
    "gc.auto=0",
    "maintenance.auto=false",
    "protocol.version=2",
    "diff.external=",
    "safe.directory=*",
)


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the whole environment of a call."""
    return {
        "PATH": os.pathsep.join(os.get_exec_path()),
        "HOME": HOME,
        "LANG": "C",
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "",
        "GIT_PROTOCOL_FROM_USER": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        **(extra or {}),
    }


def find_git() -> str:
    """Return the program's path; raises GitMissing."""
    found = shutil.which("git")
    if found is None:
        raise GitMissing
    return found


def command_line(repository: Path | None, arguments: Sequence[str], more: Sequence[str] = ()) -> list[str]:
    """Return a whole command line; `more` are settings beyond CONFIGURATION."""
    settings = [part for setting in (*CONFIGURATION, *more) for part in ("-c", setting)]
    place = ["--git-dir", str(repository)] if repository is not None else []
    return [find_git(), "--no-pager", *place, *settings, *arguments]


@contextmanager
def open_git(
    repository: Path | None,
    *arguments: str,
    extra: Mapping[str, str] | None = None,
    more: Sequence[str] = (),
    cwd: Path | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Start git with pipes for what it reads and writes; its whole process group is gone when the block ends.

    What it complains of goes nowhere: a repository decides how much that is, and nobody is shown it.
    """
    process = subprocess.Popen(
        command_line(repository, arguments, more),
        env=environment(extra),
        cwd=cwd or empty_folder(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        bound_memory(process, MEMORY_BYTES)
        yield process
    finally:
        kill_group(process)


def bound_memory(process: subprocess.Popen[bytes], max_bytes: int) -> None:
    """Bound the heap of a git that was just started.

    A few bytes may be a difference to an object of gigabytes, which all of a sudden git would have to hold.
    """
    resource.prlimit(process.pid, resource.RLIMIT_DATA, (max_bytes, max_bytes))


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """End a process with all its children, and wait for it."""
    # First of all: to close a pipe sends what was not sent yet, and git may wait for us to read meanwhile.
    with suppress(ProcessLookupError, PermissionError):  # gone already
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(BrokenPipeError):
                stream.close()


def run_git(
    repository: Path | None,
    *arguments: str,
    stdin: bytes = b"",
    extra: Mapping[str, str] | None = None,
    more: Sequence[str] = (),
    timeout_s: float = READ_TIMEOUT_S,
    accepted: frozenset[int] = frozenset({0}),
) -> bytes:
    """Return what git writes, for calls whose output is small; raises GitFailed, GitMissing.

    What git complains of goes nowhere: it may quote names and secrets, and a repository decides how much.
    """
    process = subprocess.Popen(
        command_line(repository, arguments, more),
        env=environment(extra),
        cwd=empty_folder(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(stdin, timeout=timeout_s)
    except subprocess.TimeoutExpired as error:
        raise GitFailed(f"git {arguments[0]} took longer than {timeout_s:g} s.") from error
    finally:
        kill_group(process)
    if process.returncode not in accepted:
        raise GitFailed(f"git {arguments[0]} ended with {process.returncode}.")
    return output


def empty_folder() -> str:
    """Return a folder to work in: one with nothing in it where the system has one."""
    return "/var/empty" if Path("/var/empty").is_dir() else "/"
