"""Renames by equal identifiers: for languages whose meaning we cannot follow; every edit is unsure."""

from collections.abc import Mapping
from typing import Final

import msgspec

from apps.projects.analysis.isolated import EngineLimits, run_isolated
from apps.projects.renaming.errors import LanguageNotSupported, SymbolNotFound
from apps.projects.renaming.findings import Finding
from apps.projects.renaming.selecting import Selected
from apps.projects.renaming.values import Conflict, FoundSymbol, Place, Unscanned, Wish
from apps.projects.renaming.wire import Script, Words, WordsWanted
from apps.projects.states import Bucket

CHILD: Final = "apps.projects.renaming.syntactic_child"
# Asked before the engine is: an unknown name would end its process.
LANGUAGES: Final[Mapping[str, str]] = {
    **{name: name for name in ("bash", "c", "cpp", "csharp", "css", "elixir", "go", "haskell", "java")},
    **{name: name for name in ("javascript", "kotlin", "lua", "php", "python", "ruby", "rust", "scala")},
    **{name: name for name in ("solidity", "swift", "tsx", "typescript")},
    "c++": "cpp",
    "c#": "csharp",
    "shell": "bash",
    "jsx": "javascript",
}
# Files of these call each other.
FAMILIES: Final = (frozenset({"javascript", "typescript", "tsx"}), frozenset({"c", "cpp"}))


def find_words(
    wish: Wish, name: str, selected: Selected, limits: EngineLimits
) -> tuple[FoundSymbol, list[Finding], list[Conflict], list[Unscanned]]:
    """Return the symbol at the wished place, its equals, the files refused and those that do not parse.

    Raises SymbolNotFound, LanguageNotSupported, EngineTimeout, EngineFailed.
    """
    place = wish.place
    if place is None or place.path not in selected.files:
        raise SymbolNotFound
    family = language_family(selected.files[place.path].language)
    old = word_at(selected, place)
    scripts = [
        Script(path, LANGUAGES[source.language.lower()], selected.texts[path].plain)
        for path, source in selected.files.items()
        if LANGUAGES.get(source.language.lower()) in family
    ]
    request = msgspec.json.encode(WordsWanted(old=old, new=name, scripts=scripts))
    words = msgspec.json.decode(run_isolated(CHILD, request, limits=limits), type=Words)
    if not any((spot.path, spot.line) == (place.path, place.line) for spot in words.spots):
        raise SymbolNotFound
    findings = [
        Finding(spot.path, spot.line, spot.column, old, name, Bucket.REFUSED, words.refused[spot.path])
        if spot.path in words.refused
        else Finding(spot.path, spot.line, spot.column, old, name, Bucket.UNSURE, "equal_identifier")
        for spot in words.spots
    ]
    conflicts = [Conflict(code, path, 1, name) for path, code in sorted(words.refused.items())]
    unscanned = [Unscanned(path, reason) for path, reason in sorted(words.unscanned.items())]
    return (
        FoundSymbol(old, old, "identifier", place.path, place.line, place.column),
        findings,
        conflicts,
        unscanned,
    )


def language_family(language: str) -> frozenset[str]:
    """Return the languages searched for a symbol of this one; raises LanguageNotSupported."""
    known = LANGUAGES.get(language.lower())
    if known is None:
        raise LanguageNotSupported
    return next((family for family in FAMILIES if known in family), frozenset({known}))


def word_at(selected: Selected, place: Place) -> str:
    """Return the identifier that covers a place; raises SymbolNotFound."""
    lines = selected.texts[place.path].lines
    line = lines[place.line - 1] if 0 < place.line <= len(lines) else ""
    start = end = place.column - 1
    while start > 0 and is_word(line[start - 1 : start]):
        start -= 1
    while is_word(line[end : end + 1]):
        end += 1
    if not line[start:end].isidentifier():
        raise SymbolNotFound
    return line[start:end]


def is_word(character: str) -> bool:
    """Tell whether a character may stand in an identifier."""
    return character != "" and f"a{character}".isidentifier()
