"""Which files of a manifest a wish concerns."""

from collections.abc import Sequence

from apps.projects.documenting.sources import ListedFile
from apps.projects.documenting.wishes import Wish
from apps.projects.manifests.globs import compile_globs


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
