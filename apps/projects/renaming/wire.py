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
