"""Split a text into coloured tokens by Pygments: in a process of its own, as its expressions may hang.

In: JSON {"name", "language", "text"}. Out: JSON, a list of lines, each a list of [class, text].
"""

import json
from collections.abc import Iterator
from typing import IO, Any, Final

# The first that a token's type lies in counts. Classes are those of the style sheet.
CLASSES: Final = (
    ("Comment", "c"),
    ("Keyword", "k"),
    ("Name.Builtin", "b"),
    ("Name.Class", "t"),
    ("Name.Exception", "t"),
    ("Name.Function", "f"),
    ("Name.Decorator", "d"),
    ("Name.Tag", "k"),
    ("Name.Attribute", "f"),
    ("Name.Constant", "n"),
    ("Literal.String", "s"),
    ("Literal", "n"),
    ("Operator.Word", "k"),
    ("Operator", "o"),
    ("Generic.Heading", "h"),
    ("Generic.Subheading", "h"),
    ("Generic.Inserted", "i"),
    ("Generic.Deleted", "x"),
    ("Generic.Strong", "h"),
)


def main(stdin: IO[bytes], stdout: IO[bytes]) -> None:
    """Read a text, write its tokens."""
    asked = json.loads(stdin.read())
    lines = list(_lines(_lexer(asked["name"], asked["language"], asked["text"]), asked["text"]))
    stdout.write(json.dumps(lines, ensure_ascii=False, separators=(",", ":")).encode())


def _lexer(name: str, language: str, text: str) -> Any:
    """Return the lexer of a file's name, else of its language, else of plain text."""
    # Heavy, and wanted in this process alone.
    from pygments.lexers import get_lexer_by_name, get_lexer_for_filename  # noqa: PLC0415
    from pygments.lexers.special import TextLexer  # noqa: PLC0415
    from pygments.util import ClassNotFound  # noqa: PLC0415

    # As it is: else the lines would no longer be those of the file.
    options = {"stripnl": False, "ensurenl": False}
    try:
        return get_lexer_for_filename(name, text[:1_000], **options)
    except ClassNotFound:
        pass
    try:
        return get_lexer_by_name(language.lower(), **options)
    except ClassNotFound:
        return TextLexer(**options)


def _lines(lexer: Any, text: str) -> Iterator[list[list[str]]]:
    line: list[list[str]] = []
    for kind, value in lexer.get_tokens(text):
        name = _class_of(str(kind).removeprefix("Token."))
        first, *rest = value.split("\n")
        _append(line, name, first)
        for part in rest:
            yield line
            line = []
            _append(line, name, part)
    if line:
        yield line


def _append(line: list[list[str]], name: str, text: str) -> None:
    """Add a token, to the one before if that has the same colour."""
    if not text:
        return
    if line and line[-1][0] == name:
        line[-1][1] += text
    else:
        line.append([name, text])


def _class_of(kind: str) -> str:
    for prefix, name in CLASSES:
        if kind == prefix or kind.startswith(f"{prefix}."):
            return name
    return ""
