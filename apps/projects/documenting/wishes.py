"""What a code job is asked for."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

WHOLE_PROJECT: Final = ""


@dataclass(frozen=True, slots=True)
class Selection:
    """Lines of one file, counted from 1, both ends included; `content` is what an editor holds unsaved."""

    path: str
    line_start: int
    line_end: int
    content: str | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """The targets of a job; without any it concerns the whole project. `anchors` are JSON as it came."""

    paths: tuple[str, ...] = ()
    globs: tuple[str, ...] = ()
    anchors: tuple[Mapping[str, Any], ...] = ()
    selection: Selection | None = None
    instructions: str = ""

    @classmethod
    def from_request(cls, request: Mapping[str, Any]) -> "Wish":
        """Return the wish of a job's row."""
        targets, selection = request["targets"], request["selection"]
        return cls(
            paths=tuple(targets["paths"]),
            globs=tuple(targets["globs"]),
            anchors=tuple(targets["anchors"]),
            selection=Selection(**selection) if selection else None,
            instructions=request["instructions"],
        )

    @property
    def is_of_whole_project(self) -> bool:
        """Tell whether nothing narrows it."""
        return not (self.paths or self.globs or self.anchors or self.selection)

    @property
    def named_paths(self) -> tuple[str, ...]:
        """Return the paths that the wish names, each once, sorted; those of globs are not among them."""
        named = {*self.paths, *(str(anchor["path"]) for anchor in self.anchors)}
        if self.selection is not None:
            named.add(self.selection.path)
        return tuple(sorted(named))

    @property
    def covers(self) -> list[str]:
        """Return what the result counts as being about: paths and globs, or the whole project."""
        return [*self.named_paths, *sorted(self.globs)] or [WHOLE_PROJECT]

    def as_request(self, client: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return the wish as a job's row keeps it."""
        selection = self.selection
        return {
            "targets": {
                "paths": list(self.paths),
                "globs": list(self.globs),
                "anchors": [dict(anchor) for anchor in self.anchors],
            },
            "selection": selection
            and {
                "path": selection.path,
                "line_start": selection.line_start,
                "line_end": selection.line_end,
                "content": selection.content,
            },
            "instructions": self.instructions,
            "client": dict(client) if client else None,
            "covers": self.covers,
        }


def digest_of(*parts: Any) -> bytes:
    """Return the SHA-256 of values that JSON can hold; equal for equal ones."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).digest()
