"""What goes to the processes that read foreign code, and comes back: JSON by msgspec, no Django."""

import msgspec


class Spot(msgspec.Struct, frozen=True, array_like=True):
    """Where an identifier starts; both count from 1, columns in code points."""

    path: str
    line: int
    column: int


class Script(msgspec.Struct, frozen=True):
    """A source file: text with LF as line ends and no byte order mark."""

    path: str
    language: str
    text: str


class Symbol(msgspec.Struct, frozen=True):
    """A definition."""

    name: str
    qualified_name: str
    kind: str
    path: str
    line: int
    column: int


class Site(msgspec.Struct, frozen=True):
    """An occurrence of the name as our own view of the code judges it.

    `is_bound`: it means the symbol. `is_own`: of a kind that needs no engine's word. `doubt`: why it is not
    certain all the same. `after` replaces `text`.
    """

    path: str
    line: int
    column: int
    text: str
    after: str
    kind: str
    is_bound: bool
    is_own: bool
    doubt: str = ""


class Left(msgspec.Struct, frozen=True):
    """An occurrence that stays, and why."""

    path: str
    line: int
    column: int
    text: str
    reason: str


class Clash(msgspec.Struct, frozen=True):
    """A conflict."""

    code: str
    path: str
    line: int
    detail: str


class Question(msgspec.Struct, frozen=True):
    """What the view is asked: a symbol by place, by dotted name, or a module, and its new name."""

    kind: str
    old: str
    new: str
    path: str = ""
    line: int = 0
    column: int = 0
    qualified_name: str = ""
    scripts: list[Script] = []
    # Paths that may not change.
    fixed: list[str] = []
    strings: bool = False
    comments: bool = False
    docs: bool = False
    # For reading the files; what does not fit is not scanned.
    seconds: float = 120.0


class Survey(msgspec.Struct, frozen=True):
    """The view's answer; with an `error`, `candidates` is all it says beside."""

    error: str = ""
    candidates: list[Symbol] = []
    symbol: Symbol | None = None
    definitions: list[Spot] = []
    sites: list[Site] = []
    left: list[Left] = []
    clashes: list[Clash] = []
    unparsed: dict[str, str] = {}
    moves: dict[str, str] = {}


class Pointed(msgspec.Struct, frozen=True):
    """What an engine is asked: which of the spots mean one of the definitions; seconds it may take."""

    name: str
    definitions: list[Spot]
    spots: list[Spot]
    seconds: float


class Listed(msgspec.Struct, frozen=True):
    """An engine's answer, positions only; `unsure` may mean them. Not complete: time or memory ran out."""

    spots: list[Spot]
    unsure: list[Spot] = []
    is_complete: bool = True


class Asked(msgspec.Struct, frozen=True):
    """A question; with `edits`, whether they are sound: nothing else is answered then."""

    question: Question
    edits: list[Site] | None = None
    moves: dict[str, str] = {}


class Verdict(msgspec.Struct, frozen=True):
    """What would be broken; nothing if the edits are sound."""

    clashes: list[Clash]


class WordsWanted(msgspec.Struct, frozen=True):
    """Ask for the identifiers equal to `old`; `new` is looked for as well."""

    old: str
    new: str
    scripts: list[Script]


class Words(msgspec.Struct, frozen=True):
    """The identifiers found, and the files in which a rename by name alone could join two things."""

    spots: list[Spot]
    refused: dict[str, str]
    unscanned: dict[str, str]
