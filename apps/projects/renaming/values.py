"""What an analysis takes and gives.

Lines and columns count from 1, columns in code points; offsets are bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from apps.projects.states import Bucket, Completeness, Decision, RenameKind, RenameMode


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One regular text file of the base commit: `mode` as git writes it; `encoding` a Python codec's name.

    `is_editable` is False for generated, vendored and excluded files: they are read, never changed.
    """

    path: bytes
    blob: str
    mode: str
    content: bytes
    encoding: str
    language: str
    is_editable: bool = True


@dataclass(frozen=True, slots=True)
class Place:
    """A position of a symbol in a file."""

    path: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be renamed: by `place`, or by `qualified_name` (dotted, from the root of the sources).

    `strings`, `comments` and `docs` ask for occurrences there, which are never certain.
    """

    kind: RenameKind
    mode: RenameMode
    new_name: str
    place: Place | None = None
    qualified_name: str = ""
    strings: bool = False
    comments: bool = False
    docs: bool = False


@dataclass(frozen=True, slots=True)
class Edit:
    """One occurrence. `id` is stable: equal blobs and equal positions have equal ids.

    Edits of one `group` are ticked together: a binding without all of its sites is broken.
    """

    id: str
    bucket: Bucket
    reason: str
    group: str
    line: int
    column: int
    start: int
    end: int
    before: str
    after: str
    selected: bool


@dataclass(frozen=True, slots=True)
class FileEdits:
    """All edits of one file, by offset; `new_path` is set where the file itself moves (a module)."""

    path: bytes
    blob: str
    encoding: str
    edits: tuple[Edit, ...]
    new_path: bytes = b""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Why the rename breaks code: name_taken, captured, shadows, builtin, exported, overrides_external ..."""

    code: str
    path: str
    line: int
    detail: str


@dataclass(frozen=True, slots=True)
class Residual:
    """An occurrence of the old name that stays, and why."""

    path: str
    line: int
    column: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Unscanned:
    """A file that was not looked at, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class FoundSymbol:
    """The definition that is renamed."""

    name: str
    qualified_name: str
    kind: str
    path: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Analysis:
    """The whole answer. `scanned` is {path: blob id} of every file that was looked at."""

    symbol: FoundSymbol
    outcome: Completeness
    files: tuple[FileEdits, ...]
    conflicts: tuple[Conflict, ...] = ()
    residual: tuple[Residual, ...] = ()
    unscanned: tuple[Unscanned, ...] = ()
    scanned: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person decided of one file of an analysis; the ticks are `selected` of its edits."""

    file: FileEdits
    decision: Decision


@dataclass(frozen=True, slots=True)
class Check:
    """One check of a selection; one that is not ok blocks its application."""

    code: str
    ok: bool
    detail: str


Sources = Sequence[SourceFile]
