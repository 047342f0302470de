"""Anchors of results: made so that they are found again, and those of a request found in what is read."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from apps.projects.documenting.results import Anchor, Result
from apps.projects.documenting.sources import ListedFile, read_sources
from apps.projects.documenting.wishes import Wish
from apps.projects.manifests import anchors as manifest_anchors
from apps.projects.manifests.anchors import AnchorState, LineSpan, lines_of, window_of
from apps.projects.manifests.reanchoring import resolve_anchors
from apps.projects.models import Mirror

Lines = Mapping[str, list[str]]


def follow_anchors(wish: Wish, mirror: Mirror, commit: str) -> Wish:
    """Return a wish whose anchors lead into a commit; those that are lost stay as they were.

    Raises NotLinked, GitFailed.
    """
    if not wish.anchors:
        return wish
    asked = [
        manifest_anchors.Anchor(
            path=anchor["path"].encode(),
            blob_id=anchor["blob_id"],
            line_start=anchor["line_start"],
            line_end=anchor["line_end"],
            window=anchor.get("window", ""),
            symbol=anchor.get("symbol", ""),
        )
        for anchor in wish.anchors
    ]
    found = resolve_anchors(mirror, commit, asked)
    followed = [
        dict(before)
        if after.state == AnchorState.ORPHANED
        else dict(before)
        | {
            "path": after.path.decode("utf-8", "replace"),
            "blob_id": after.blob_id,
            "line_start": after.line_start,
            "line_end": after.line_end,
        }
        for before, after in zip(wish.anchors, found, strict=True)
    ]
    return replace(wish, anchors=tuple(followed))


def with_windows(result: Result, repository: Path, files: Iterable[ListedFile]) -> Result:
    """Return a result whose anchors have windows; each file that they name is read once more."""
    named = {anchor.path for section in result.sections for anchor in section.anchors}
    named |= {suggestion.anchor.path for suggestion in result.suggestions}
    wanted = [file for file in files if file.path in named and not file.unreadable]
    lines = {
        source.path: lines_of(source.content.decode("utf-8", "replace"))
        for source in read_sources(repository, wanted)
    }
    sections = tuple(
        msgspec.structs.replace(each, anchors=tuple(_windowed(anchor, lines) for anchor in each.anchors))
        for each in result.sections
    )
    suggestions = tuple(
        msgspec.structs.replace(each, anchor=_windowed(each.anchor, lines)) for each in result.suggestions
    )
    return msgspec.structs.replace(result, sections=sections, suggestions=suggestions)


def _windowed(anchor: Anchor, lines: Lines) -> Anchor:
    text: Any = lines.get(anchor.path)
    if not text or anchor.line_start > len(text):
        return anchor
    window = window_of(text, LineSpan(anchor.line_start, anchor.line_end))
    return msgspec.structs.replace(anchor, window=window)
