"""Which files of a manifest a wish concerns, and which of their lines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.projects.documenting.results import Unscanned
from apps.projects.documenting.sources import ListedFile
from apps.projects.documenting.wishes import Wish
from apps.projects.manifests.globs import compile_globs


@dataclass(frozen=True, slots=True)
class Place:
    """Lines of a file; `content` is what an editor holds of it unsaved."""

    file: ListedFile
    line_start: int
    line_end: int
    content: str | None = None


def choose(files: Sequence[ListedFile], wish: Wish) -> list[ListedFile]:
    """Return the files of a wish, in the order of the manifest; all of them if nothing narrows it."""
    if wish.is_of_whole_project:
        return list(files)
    named = frozenset(wish.named_paths)
    matched = compile_globs(wish.globs)
    return [file for file in files if file.path in named or matched.fullmatch(file.path.encode())]


def missing_paths(files: Sequence[ListedFile], wish: Wish) -> list[str]:
    """Return the named paths that the manifest does not list."""
    listed = {file.path for file in files}
    return [path for path in wish.named_paths if path not in listed]


def find_places(files: Sequence[ListedFile], wish: Wish) -> tuple[list[Place], list[Unscanned]]:
    """Return the lines that a wish points at, and the paths where they cannot be found any more."""
    listed = {file.path: file for file in files}
    places: list[Place] = []
    lost: list[Unscanned] = []
    chosen = wish.selection
    if chosen is not None and chosen.path in listed:
        places.append(Place(listed[chosen.path], chosen.line_start, chosen.line_end, chosen.content))
    for anchor in wish.anchors:
        place = _place_of(listed, anchor)
        if place is not None:
            places.append(place)
        else:
            lost.append(Unscanned(str(anchor["path"]), "orphaned"))
    lost += [Unscanned(path, "not_in_manifest") for path in missing_paths(files, wish)]
    return places, lost


def _place_of(listed: Mapping[str, ListedFile], anchor: Mapping[str, Any]) -> Place | None:
    file = listed.get(anchor["path"])
    if file is None or file.blob_id != anchor["blob_id"]:
        return None
    return Place(file, anchor["line_start"], anchor["line_end"])
