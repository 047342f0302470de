"""What both engines do: ask of each spot whether it means a definition, until time is up."""

import gc
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Protocol

import msgspec

from apps.projects.renaming.wire import Listed, Pointed, Spot

# Python's own deep recursion and the engines' own faults: what they cannot answer, they do not list.
FAULTS = (Exception, RecursionError)


class File(Protocol):
    """A file as an engine sees it."""

    def means(self, spot: Spot) -> bool | None:
        """Tell whether the spot means a definition; None if it may."""


def answer(stdin: IO[bytes], stdout: IO[bytes], open_file: Callable[[Pointed, str], File]) -> None:
    """Read Pointed, write Listed."""
    gc.disable()
    pointed = msgspec.json.decode(stdin.read(), type=Pointed)
    stdout.write(msgspec.json.encode(listed(pointed, open_file)))


def listed(pointed: Pointed, open_file: Callable[[Pointed, str], File]) -> Listed:
    """Ask spot by spot; an engine's fault costs one spot, or one file."""
    deadline = time.monotonic() + pointed.seconds
    sure: list[Spot] = []
    unsure: list[Spot] = []
    for path, spots in by_path(pointed.spots).items():
        try:
            file = open_file(pointed, path)
        except FAULTS:
            continue
        for spot in spots:
            if time.monotonic() > deadline:
                return Listed(sure, unsure, is_complete=False)
            try:
                verdict = file.means(spot)
            except FAULTS:
                continue
            if verdict is not False:
                (sure if verdict else unsure).append(spot)
    return Listed(sure, unsure)


def by_path(spots: Iterable[Spot]) -> dict[str, list[Spot]]:
    """Return spots by their file."""
    found: dict[str, list[Spot]] = defaultdict(list)
    for spot in spots:
        found[spot.path].append(spot)
    return found


def roots_of(pointed: Pointed) -> list[Path]:
    """Return the folders below this one that must be searched for the definitions' absolute names to work.

    `src`, say: an engine that looks in the folder itself alone finds nothing of what tests beside it import.
    """
    return sorted({root_of(Path(spot.path)) for spot in pointed.definitions} - {Path()})


def root_of(path: Path) -> Path:
    """Return the folder of the outermost package that holds a file."""
    folder = path.parent
    while folder != Path() and (folder / "__init__.py").exists():
        folder = folder.parent
    return folder


def text_of(path: str) -> str:
    """Read a file of the folder."""
    return Path(path).read_text(encoding="utf-8")
