"""What names say of files: generated, vendored, language. The root's .gitattributes goes before our tables.

Only the attributes linguist-generated, linguist-vendored and linguist-language are read; patterns match as
git's do. Pure but for `read_attributes`. Part of what GENERATOR names: whoever changes an answer raises it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from apps.projects.git.processes import run_git
from apps.projects.git.trees import TreeEntry
from apps.projects.manifests.git_patterns import compile_pattern
from apps.projects.manifests.languages import language_by_attribute, language_by_name

FILE_NAME: Final = b".gitattributes"
# A larger file is not read, and no more rules than these: they are tried on every path.
READ_MAX_BYTES: Final = 64 * 1024
RULES_MAX: Final = 200

_LANGUAGE, _GENERATED, _VENDORED = (
    f"linguist-{name}".encode() for name in ("language", "generated", "vendored")
)
_LINE: Final = re.compile(
    rb'[ \t]*(?:"(?P<quoted>(?:[^"\\]|\\(?:[abfnrtv"\\]|[0-3][0-7]{2}))*)"|(?P<plain>[^ \t]+))(?P<words>.*)',
    re.DOTALL,
)
_NAME: Final = re.compile(rb"[-!]?[A-Za-z0-9_.][-A-Za-z0-9_.]*(?:=.*)?", re.DOTALL)
_ESCAPE: Final = re.compile(rb"\\([abfnrtv\"\\]|[0-3][0-7]{2})")
_LETTERS: Final = dict(zip(b"abfnrtv", b"\a\b\f\n\r\t\v", strict=True))

_GENERATED_NAMES: Final = frozenset(
    b"package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml bun.lock poetry.lock uv.lock"
    b" pdm.lock Pipfile.lock Cargo.lock composer.lock Gemfile.lock Podfile.lock pubspec.lock mix.lock"
    b" flake.lock go.sum".split()
)
_GENERATED_ENDINGS: Final = tuple(
    b".min.js .min.css .js.map .css.map _pb2.py _pb2.pyi _pb2_grpc.py .pb.go .pb.cc .pb.h .g.dart"
    b" .freezed.dart .designer.cs .Designer.cs".split()
)
_GENERATED_FOLDERS: Final = frozenset({b"__generated__"})
_VENDORED_NAMES: Final = frozenset({b"gradlew", b"gradlew.bat", b"mvnw", b"mvnw.cmd"})
_VENDORED_FOLDERS: Final = frozenset(
    b"node_modules bower_components vendor vendored Pods third_party third-party thirdparty _vendor"
    b" site-packages".split()
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One attribute of one line; `value` is None where the line takes back what lines before it said."""

    pattern: "re.Pattern[bytes]"
    is_whole_path: bool
    attribute: bytes
    value: str | None


@dataclass(frozen=True, slots=True)
class Attributes:
    """The rules of a root .gitattributes, the last line first: that one counts."""

    rules: tuple[Rule, ...] = ()

    def value(self, attribute: bytes, path: bytes) -> str | None:
        """Return what the file says of a path: `true`, `false` or a value; None if it says nothing."""
        name = path.rpartition(b"/")[2]
        for rule in self.rules:
            if rule.attribute == attribute and rule.pattern.fullmatch(path if rule.is_whole_path else name):
                return rule.value
        return None


@dataclass(frozen=True, slots=True)
class PathMarks:
    """What a path says of its file, whatever its content; `language` is empty if it says none."""

    language: str
    is_generated: bool
    is_vendored: bool
    is_excluded: bool


def read_attributes(repository: Path, files: Sequence[TreeEntry]) -> Attributes:
    """Return what the .gitattributes at the root says; nothing if there is none, or it is no plain file."""
    for entry in files:
        if entry.path == FILE_NAME and entry.mode.startswith("100"):
            is_small = (entry.size_bytes or 0) <= READ_MAX_BYTES
            return (
                parse_attributes(run_git(repository, "cat-file", "blob", entry.oid))
                if is_small
                else Attributes()
            )
    return Attributes()


def parse_attributes(content: bytes) -> Attributes:
    """Return the rules of a .gitattributes; lines that git would not take are left out."""
    rules: list[Rule] = []
    for line in content.split(b"\n"):
        found = _LINE.match(line.rstrip(b"\r"))
        if found is not None:
            rules += _rules(_pattern(found), found["words"])
        if len(rules) >= RULES_MAX:
            break
    return Attributes(tuple(reversed(rules[:RULES_MAX])))


def marks_of(path: bytes, attributes: Attributes, excluded: "re.Pattern[bytes]") -> PathMarks:
    """Return what a path says."""
    language, is_generated, is_vendored = "", None, None
    if attributes.rules:
        language = language_by_attribute(attributes.value(_LANGUAGE, path) or "")
        is_generated = _flag(attributes.value(_GENERATED, path))
        is_vendored = _flag(attributes.value(_VENDORED, path))
    return PathMarks(
        language=language or language_by_name(path),
        is_generated=is_known_generated(path) if is_generated is None else is_generated,
        is_vendored=is_known_vendored(path) if is_vendored is None else is_vendored,
        is_excluded=excluded.fullmatch(path) is not None,
    )


def is_known_generated(path: bytes) -> bool:
    """Tell whether a name is one that tools write."""
    *folders, name = path.split(b"/")
    is_named = name in _GENERATED_NAMES or name.endswith(_GENERATED_ENDINGS)
    return is_named or not _GENERATED_FOLDERS.isdisjoint(folders)


def is_known_vendored(path: bytes) -> bool:
    """Tell whether a file lies where others' code is kept."""
    *folders, name = path.split(b"/")
    return name in _VENDORED_NAMES or not _VENDORED_FOLDERS.isdisjoint(folders)


def _flag(said: str | None) -> bool | None:
    return None if said is None else said != "false"


def _rules(pattern: bytes, words: bytes) -> list[Rule]:
    if not pattern or pattern.endswith(b"/"):  # a folder has no attributes
        return []
    said = words.split()
    if not all(_NAME.fullmatch(word) for word in said):  # git takes no part of such a line
        return []
    is_whole_path = b"/" in pattern
    compiled = compile_pattern(pattern.removeprefix(b"/"))
    return [Rule(compiled, is_whole_path, *told) for word in said if (told := _said(word))]


def _said(word: bytes) -> tuple[bytes, str | None] | None:
    name, equals, value = word.partition(b"=")
    bare = name.lstrip(b"-!")
    if bare not in {_LANGUAGE, _GENERATED, _VENDORED}:
        return None
    if name.startswith(b"!"):
        return bare, None
    if name.startswith(b"-"):
        return bare, "false"
    return bare, value.decode("ascii", "replace") if equals else "true"


def _pattern(found: "re.Match[bytes]") -> bytes:
    """Return the pattern of a line, without C quotes; empty for what is a comment, a macro or negative."""
    plain: bytes | None = found["plain"]
    pattern = _ESCAPE.sub(_unescaped, found["quoted"]) if plain is None else plain
    is_none = pattern.startswith((b"!", b"[attr]")) or (plain or b"").startswith(b"#")
    return b"" if is_none else pattern


def _unescaped(found: "re.Match[bytes]") -> bytes:
    code = found[1]
    if len(code) > 1:
        return bytes([int(code, 8)])
    return bytes([_LETTERS.get(code[0], code[0])])
