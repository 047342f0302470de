"""Definition lines by language: what a manifest's `symbols` is the digest of. Pure.

Part of what GENERATOR names: whoever changes an expression raises it. Each begins with the line end before
its line, as searching for that byte is fast, and takes linear time: repetitions are bounded or disjoint.
Groups: indent, kind (may be empty), then one or more places where the name can stand.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Final

# Longer texts have no `symbols`.
SCAN_MAX_BYTES: Final = 4 * 1024**2

_GROUPS: Final = 3
_INDENT: Final = rb"\n([ \t]*)"
_NAME: Final = rb"([A-Za-z_$\x80-\xff][\w$\x80-\xff]*)"
_NO_CALLABLE: Final = rb"(?!(?:else|return|case|new|delete|throw|goto|typedef|using|do)\b)"
_CALLABLE: Final = (
    _NO_CALLABLE + rb"(?:[A-Za-z_][\w:<>\[\],?]*[ \t*&]+){1,6}([A-Za-z_~][\w:~]*)[ \t]*\([^;\n]*(?=\n|\Z)"
)


def _words(words: str, *, before: str = "") -> bytes:
    """Return an expression of lines like `before* word name`."""
    prefix = rb"(?:(?:" + before.encode() + rb")[ \t]+){0,8}" if before else b""
    return _INDENT + prefix + b"(" + words.encode() + rb")[ \t]*[ \t*][ \t]*" + _NAME


_JAVASCRIPT: Final = _words(
    r"function(?=[ \t*])|class|interface|enum|namespace|type",
    before="export|default|async|declare|abstract|const",
)
_JVM_BEFORE: Final = (
    "public|private|protected|internal|static|final|abstract|sealed|open|data|inner|override|suspend|inline|"
    "implicit|lazy|case|partial|readonly|virtual|async|unsafe|non-sealed|strictfp|tailrec|operator|enum"
)
_C_KINDS: Final = _INDENT + rb"(?:(?:typedef|static|template[ \t]*<[^>\n]{0,200}>)[ \t]+){0,3}(?:"

_EXPRESSIONS: Final[Mapping[str, bytes]] = {
    "C": _C_KINDS + rb"(struct|union|enum)[ \t]+" + _NAME + rb"[^;\n]*(?=\n|\Z)|" + _CALLABLE + b")",
    "C#": _words("class|interface|struct|enum|record|namespace", before=_JVM_BEFORE),
    "C++": _C_KINDS
    + rb"(struct|union|enum|class|namespace)[ \t]+(?:class[ \t]+)?"
    + _NAME
    + rb"[^;\n]*(?=\n|\Z)|"
    + _CALLABLE
    + b")",
    "Dart": _words("class|enum|mixin|extension", before="abstract|base|final|sealed|interface"),
    "Elixir": _words("defmodule|defprotocol|defimpl|defp?|defmacrop?|defguard"),
    "Go": _INDENT + rb"(func|type)[ \t]+(?:\([^)\n]{0,200}\)[ \t]*)?" + _NAME,
    "Java": _words("class|interface|@interface|enum|record", before=_JVM_BEFORE),
    "JavaScript": _JAVASCRIPT,
    "Kotlin": _words("class|interface|object|fun|typealias", before=_JVM_BEFORE),
    "Lua": _INDENT + rb"(?:local[ \t]+)?(function)[ \t]+([A-Za-z_][\w.:]*)",
    "Perl": _words("sub|package"),
    "PHP": _words("class|interface|trait|enum|function", before=_JVM_BEFORE),
    "Python": _INDENT + rb"(?:async[ \t]+)?(def|class)[ \t]+" + _NAME,
    "Ruby": _INDENT + rb"(def|class|module)[ \t]+([A-Za-z_\x80-\xff][\w.:\x80-\xff]*[?!=]?)",
    "Rust": _words(
        "fn|struct|enum|trait|mod|type|union|macro_rules!",
        before=r"pub(?:\([^)\n]{0,60}\))?|async|unsafe|const|default|extern(?:[ \t]+\"[^\"\n]{0,20}\")?",
    ),
    "Scala": _words("class|object|trait|def|enum", before=_JVM_BEFORE),
    "Shell": _INDENT + rb"(?:(function)[ \t]+([\w:.-]+)|([\w:.-]+)[ \t]*\([ \t]*\))",
    "Swift": _words(
        "class|struct|enum|protocol|extension|func|actor|typealias",
        before="public|private|internal|fileprivate|open|static|final|override|mutating|@[A-Za-z]+",
    ),
    "TypeScript": _JAVASCRIPT,
}
SCANNERS: Final = {language: re.compile(expression) for language, expression in _EXPRESSIONS.items()}


def symbols_digest(language: str, text: bytes) -> str:
    """Return the hex SHA-256 over (kind, name, indent) of the definition lines, empty if there are none.

    `text` is in an encoding whose ASCII is ASCII.
    """
    lines = [b"%s\t%s\t%d\n" % found for found in definition_lines(language, text)]
    return hashlib.sha256(b"".join(lines)).hexdigest() if lines else ""


def definition_lines(language: str, text: bytes) -> list[tuple[bytes, bytes, int]]:
    """Return kind, name and indent (in characters) of the definition lines, in their order."""
    scanner = SCANNERS.get(language)
    if scanner is None:
        return []
    # Line ends of other systems count as ours; a file without a line end before its first line gets one.
    unified = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in text else text
    found = scanner.findall(b"\n" + unified)
    if scanner.groups == _GROUPS:
        return [(kind, name, len(indent)) for indent, kind, name in found]
    return [(kind, b"".join(names), len(indent)) for indent, kind, *names in found]
