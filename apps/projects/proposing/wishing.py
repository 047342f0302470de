"""What a proposal asks for, as an analysis takes it."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from apps.projects.git.objects import open_objects
from apps.projects.models import Proposal
from apps.projects.proposing.sources import SOURCES_MAX_BYTES, Listed
from apps.projects.renaming.semantic import module_name
from apps.projects.renaming.texts import LINE_END
from apps.projects.renaming.values import Place, Wish
from apps.projects.states import RenameKind, RenameMode


def wish_of(proposal: Proposal) -> Wish:
    """Return what a proposal asks for, as an analysis takes it."""
    symbol: Mapping[str, Any] = proposal.request["symbol"]
    options: Mapping[str, bool] = proposal.request["options"]
    place = Place(symbol["path"], symbol["line"], symbol["column"]) if "path" in symbol else None
    return Wish(
        kind=RenameKind(proposal.kind),
        mode=RenameMode(proposal.mode),
        new_name=proposal.new_name,
        place=place,
        qualified_name=symbol.get("qualified_name", ""),
        strings=options["strings"],
        comments=options["comments"],
        docs=options["docs"],
    )


def old_name(proposal: Proposal, files: Iterable[Listed], repository: Path) -> str:
    """Return the name that is to be replaced, empty where it shows only in the analysis. Raises GitFailed.

    It decides in which files of other languages there is something to look for.
    """
    symbol: Mapping[str, Any] = proposal.request["symbol"]
    if "qualified_name" in symbol:
        return str(symbol["qualified_name"]).rpartition(".")[2]
    if proposal.kind == RenameKind.MODULE:
        return module_name(symbol["path"])
    blob = next((file.blob for file in files if file.path == symbol["path"]), None)
    if blob is None:
        return ""
    with open_objects(repository) as objects:
        content = objects.contents(blob, max_bytes=SOURCES_MAX_BYTES)
    return word_at(content or b"", symbol["line"], symbol["column"])


def word_at(content: bytes, line: int, column: int) -> str:
    """Return the identifier that covers a place of a text, empty if there is none or it is no UTF-8."""
    lines = LINE_END.split(content.decode("utf-8-sig", "replace"))
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    start = end = min(column - 1, len(text))
    while start > 0 and (text[start - 1].isalnum() or text[start - 1] == "_"):
        start -= 1
    while end < len(text) and (text[end].isalnum() or text[end] == "_"):
        end += 1
    return text[start:end]


def first_place(content: bytes, name: str, numbers: range) -> tuple[int, int] | None:
    """Return line and column at which a name first stands as a whole word within some lines."""
    lines = LINE_END.split(content.decode("utf-8-sig", "replace"))
    word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    for number in numbers:
        found = word.search(lines[number - 1]) if 0 < number <= len(lines) else None
        if found:
            return number, found.start() + 1
    return None
