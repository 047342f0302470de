"""Which files of the sources an analysis looks at, within its limits, and which it may change."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from apps.projects.renaming.texts import NotText, Text, read_text
from apps.projects.renaming.values import SourceFile, Sources, Unscanned

FILES_MAX: Final = 2_000
EDITS_MAX: Final = 20_000
BYTES_MAX: Final = 20 * 1024**2
REGULAR: Final = frozenset({"100644", "100755"})


@dataclass(frozen=True, slots=True)
class Selected:
    """The readable files by path, those of them that may be changed, and what was left out."""

    files: dict[str, SourceFile] = field(default_factory=dict)
    texts: dict[str, Text] = field(default_factory=dict)
    editable: set[str] = field(default_factory=set)
    unscanned: list[Unscanned] = field(default_factory=list)

    @property
    def is_partial(self) -> bool:
        """Tell whether a limit left files out."""
        return any(item.reason == "limit" for item in self.unscanned)


def select_files(sources: Sources, include: Sequence[str], exclude: Sequence[str]) -> Selected:
    """Decode the files that fit: regular ones with a sound path, in order of their path.

    Excluded ones are read, for what they say of the others, and never changed.
    """
    selected = Selected()
    room = BYTES_MAX
    for source in sorted(sources, key=lambda source: source.path):
        path = source.path.decode("utf-8", "replace")
        reason = refusal(source)
        if not reason and (len(selected.files) >= FILES_MAX or len(source.content) > room):
            reason = "limit"
        if not reason:
            reason = take(selected, path, source)
        if reason:
            selected.unscanned.append(Unscanned(path, reason))
            continue
        room -= len(source.content)
        if source.is_editable and is_wanted(path, include, exclude):
            selected.editable.add(path)
    return selected


def refusal(source: SourceFile) -> str:
    """Return why a file is not even read."""
    if source.mode not in REGULAR:
        return "not_regular"
    try:
        path = source.path.decode()
    except UnicodeDecodeError:
        return "path"
    parts = path.split("/")
    sound = all(part not in {"", ".", ".."} and part.isprintable() for part in parts)
    return "" if sound and "\\" not in path else "path"


def take(selected: Selected, path: str, source: SourceFile) -> str:
    """Decode one file into the selection; returns why it cannot be."""
    if b"\0" in source.content:
        return "binary"
    try:
        selected.texts[path] = read_text(source.content, source.encoding)
    except NotText:
        return "encoding"
    selected.files[path] = source
    return ""


def is_wanted(path: str, include: Sequence[str], exclude: Sequence[str]) -> bool:
    """Tell whether the globs let a path be changed: `*` within a part, `**` over parts."""
    if include and not any(matches(path, glob) for glob in include):
        return False
    return not any(matches(path, glob) for glob in exclude)


def matches(path: str, glob: str) -> bool:
    """Tell whether the whole path is of the glob."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", glob)
    wild = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return (
        re.fullmatch("".join(wild.get(part, re.escape(part)) for part in parts), path, re.DOTALL) is not None
    )
