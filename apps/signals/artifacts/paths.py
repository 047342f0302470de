"""Paths inside a run (section 2 of the format page): what a file names lies in its folder, or is refused."""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path, PurePosixPath
from typing import Final

PATH_CHARS: Final = 1_024
DRIVE: Final = re.compile(r"[A-Za-z]:")
NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,255}")
RUN_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class PathEscape(Exception):
    """A path leads out of the run, or is written as none may be."""


def is_run_id(name: str) -> bool:
    """Tell whether a folder's name can be that of a run."""
    return RUN_ID.fullmatch(name) is not None and name not in {".", ".."}


def is_node_id(name: str) -> bool:
    """Tell whether a text is a node id."""
    return NAME.fullmatch(name) is not None and name not in {".", ".."}


def path_in_run(named: str, *, run: Path, folder: str = "") -> str:
    """Return the path, relative to the run's folder, of what a field names; raises PathEscape.

    An absolute path is of the writer's machine: what follows `/<run_id>/` counts, else the base name in
    `folder`, the place of the field's files. A relative one starts at the run or, if nothing is there, at
    `folder`. The file may be missing.
    """
    refuse_odd(named)
    path = PurePosixPath(named)
    if path.is_absolute():
        _before, found, after = str(path).partition(f"/{run.name}/")
        path = PurePosixPath(after) if found else PurePosixPath(folder) / path.name
    elif folder and not os.path.lexists(run / path):
        in_folder = PurePosixPath(folder) / path
        path = in_folder if len(path.parts) == 1 or os.path.lexists(run / in_folder) else path
    refuse_outside(run, str(path))
    return str(path)


def refuse_odd(named: str) -> None:
    """Raise PathEscape for an empty or over-long path, `..`, a drive, a backslash, an odd character."""
    is_odd = (
        not named
        or len(named) > PATH_CHARS
        or "\\" in named
        or any(char < " " or "\ud800" <= char <= "\udfff" for char in named)
        or DRIVE.match(named) is not None
        or ".." in named.split("/")
    )
    if is_odd:
        raise PathEscape(f"{named[:200]!r} is no path inside the run.")


def refuse_outside(run: Path, path: str) -> None:
    """Raise PathEscape if a path of the run leads out of it by a symlink."""
    root = os.path.realpath(run)
    if not os.path.realpath(run / path).startswith(root + os.sep):
        raise PathEscape(f"{path[:200]!r} leads out of the run.")


@contextmanager
def opened(run: Path, path: str) -> Iterator[FileIO]:
    """Open a regular file of the run, checked again at this moment; raises PathEscape, OSError."""
    refuse_odd(path)
    refuse_outside(run, path)
    # Without waiting: a pipe that nobody writes to would hold the process for ever.
    descriptor = os.open(run / path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb", buffering=0) as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise PathEscape(f"{path[:200]!r} is no regular file.")
        yield stream


def read_small(run: Path, path: str, limit_bytes: int) -> bytes:
    """Return a file's content; raises PathEscape, OSError, and ValueError if it is over the limit."""
    with opened(run, path) as stream:
        content = stream.read(limit_bytes + 1)
        while len(content) <= limit_bytes and (more := stream.read(limit_bytes + 1 - len(content))):
            content += more
    if len(content) > limit_bytes:
        raise ValueError(f"{path} is larger than {limit_bytes:,} bytes.")
    return content
