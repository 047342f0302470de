"""What names say of files: generated, vendored, language; the root's .gitattributes comes first."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from apps.projects.git.trees import TreeEntry
from apps.projects.manifests.languages import language_by_name


@dataclass(frozen=True, slots=True)
class Attributes:
    """The lines of a root .gitattributes that say something of languages, in their order."""


@dataclass(frozen=True, slots=True)
class PathMarks:
    """What a path says of its file, whatever its content; `language` is empty if it says none."""

    language: str
    is_generated: bool
    is_vendored: bool
    is_excluded: bool


def read_attributes(repository: Path, files: Sequence[TreeEntry]) -> Attributes:
    """Return what the .gitattributes at the root says; nothing if there is none."""
    return Attributes()


def marks_of(path: bytes, attributes: Attributes, excluded: "re.Pattern[bytes]") -> PathMarks:
    """Return what a path says."""
    return PathMarks(
        language=language_by_name(path),
        is_generated=False,
        is_vendored=False,
        is_excluded=excluded.fullmatch(path) is not None,
    )
