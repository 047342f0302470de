"""What is known of one file of source code: the values that cross from the child process to its parent.

Lines count from 1, both ends included. Everything here is text of a stranger.
"""

from typing import Final

import msgspec

SIGNATURE_CHARS: Final = 2_000
DOCSTRING_CHARS: Final = 4_000
NAME_CHARS: Final = 255
QUALIFIED_CHARS: Final = 1_024


def clean(text: str) -> str:
    """Return text that UTF-8 and the database can hold: without NUL and halves of characters."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


class SourceFile(msgspec.Struct, frozen=True, array_like=True):
    """A file to look at: path from the root, language as the manifest names it, bytes of the blob.

    `wants_names` asks for better names as well.
    """

    path: str
    language: str
    content: bytes
    wants_names: bool = False


class Definition(msgspec.Struct, frozen=True):
    """A class, function or their like.

    `qualified_name` is dotted, from the top of the file; `calls` holds the plain names that its own body
    calls, each once, in alphabetical order; `complexity` is McCabe's, 0 where it is not counted. `is_public`
    tells that no part of the name begins with an underscore, and that no function encloses it. `body_line` is
    where its body begins, None if that is on a line with something else, or not known.
    """

    name: str
    qualified_name: str
    kind: str
    line_start: int
    line_end: int
    signature: str = ""
    docstring: str | None = None
    calls: tuple[str, ...] = ()
    complexity: int = 0
    is_public: bool = True
    body_line: int | None = None

    @property
    def has_docstring(self) -> bool:
        """Tell whether it is documented where it stands."""
        return self.docstring is not None


class Import(msgspec.Struct, frozen=True):
    """What a line imports: `level` leading dots, a module, and the names taken from it (none: the module)."""

    module: str
    line: int
    names: tuple[str, ...] = ()
    level: int = 0


class Mark(msgspec.Struct, frozen=True):
    """A line that says something of itself: a TODO, or where a program starts."""

    kind: str
    line: int
    text: str


class BetterName(msgspec.Struct, frozen=True):
    """A name, where it is bound first, and another one with the reason; `confidence` is 0..1."""

    symbol: str
    line: int
    current: str
    proposed: str
    reason: str
    confidence: float


class Package(msgspec.Struct, frozen=True):
    """What a file of a packaging tool declares."""

    name: str
    dependencies: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()


class FileFacts(msgspec.Struct, frozen=True):
    """All of one file. `unscanned` says why there is no structure: then only lines and marks are counted."""

    lines: int = 0
    unscanned: str = ""
    docstring: str | None = None
    definitions: tuple[Definition, ...] = ()
    imports: tuple[Import, ...] = ()
    calls: tuple[str, ...] = ()
    todos: tuple[Mark, ...] = ()
    entry_points: tuple[Mark, ...] = ()
    package: Package | None = None
    better_names: tuple[BetterName, ...] = ()
