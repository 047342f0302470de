"""Words: a question cut into tokens, in one spelling, each with its place in the text."""

import re
import unicodedata
from collections.abc import Container
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

SAME_MARKS: Final = str.maketrans(
    {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u00ab": '"', "\u00bb": '"',
     "\u2212": "-", "\u2010": "-", "\u2011": "-", "\u00a0": " "}
)  # fmt: skip
TOKEN: Final = re.compile(
    r"""
      (?P<quoted>"[^"]*")
    | (?P<date>\d{4}-\d{2}-\d{2})(?![\w-])
    | (?P<month>\d{4}-\d{2})(?![\w-])
    | (?P<clock>\d{1,2}:\d{2})(?![\w:])
    | (?P<cell>8[0-9a-f]{14})(?!\w)
    | (?P<number>(?:(?<!\w)[-+])?\d+(?:\.\d+)?)
    | (?P<word>[^\W\d_]+(?:'[^\W\d_]+)*)
    | (?P<sign>\S)
    """,
    re.VERBOSE | re.IGNORECASE,
)
NUMBER_WORDS: Final = {
    word: number
    for number, word in enumerate(
        ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"), 1
    )
}
# Marks between words that say nothing of their own.
SILENT: Final = frozenset("?!.,")
# After these a word that is not understood is never passed over: it narrows what is asked for.
PREPOSITIONS: Final = frozenset(["in", "at", "near", "from", "by", "with", "without", "not", "except"])
FILLER: Final = frozenset(
    """
    a all an and any are area areas been call case cases cell cells could crime crimes did display do does
    event events find for get give had happen happened happening happens has have hexagon hexagons i incident
    incidents is it list me much occur occurred occurring occurs of offence offences on our place places
    please point points record recorded records report reported reports show some spot spots tell that the
    their there these they this those to took total us was we were what what's which would you
    """.split()  # noqa: SIM905 - a column of words reads better than a list
)


class Kind(Enum):
    """What a token is."""

    WORD = auto()
    NUMBER = auto()
    DATE = auto()
    MONTH = auto()
    CLOCK = auto()
    CELL = auto()
    QUOTED = auto()
    SIGN = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """A word, number or mark: `text` in small letters, of a quoted text what stands between the quotes."""

    kind: Kind
    text: str
    start: int
    end: int

    @property
    def is_silent(self) -> bool:
        """Tell whether the token only separates."""
        return self.kind is Kind.SIGN and self.text in SILENT


@dataclass(frozen=True, slots=True)
class Words:
    """The tokens of a question, and the question itself."""

    question: str
    tokens: tuple[Token, ...]

    def at(self, position: int) -> Token | None:
        """Return the token at a position; None past the end."""
        return self.tokens[position] if 0 <= position < len(self.tokens) else None

    def texts(self, start: int, length: int) -> tuple[str, ...]:
        """Return the texts of tokens, quoted ones excepted: these mean what they say and nothing else."""
        found = self.tokens[start : start + length]
        return tuple("\0" if token.kind is Kind.QUOTED else token.text for token in found)

    def says(self, position: int, *texts: str) -> bool:
        """Tell whether these texts stand at a position."""
        return self.texts(position, len(texts)) == texts

    def one_of(self, position: int, texts: Container[str]) -> str | None:
        """Return the text at a position if it is one of these."""
        token = self.at(position)
        if token is None or token.kind is Kind.QUOTED or token.text not in texts:
            return None
        return token.text

    def number(self, position: int) -> float | None:
        """Return the number at a position."""
        token = self.at(position)
        return float(token.text) if token is not None and token.kind is Kind.NUMBER else None

    def whole(self, position: int) -> int | None:
        """Return the whole number at a position, in figures or (to twelve) in words."""
        token = self.at(position)
        if token is None:
            return None
        if token.kind is Kind.WORD:
            return NUMBER_WORDS.get(token.text)
        return int(token.text) if token.kind is Kind.NUMBER and "." not in token.text else None

    def excerpt(self, start: int, length: int) -> str:
        """Return the question's own text of some tokens."""
        found = self.tokens[start : start + length]
        return self.question[found[0].start : found[-1].end] if found else ""


def split_words(question: str) -> Words:
    """Return the tokens of a question; capitals and the shape of quotes make no difference."""
    text = unicodedata.normalize("NFC", question).translate(SAME_MARKS)
    return Words(text, tuple(_token(found) for found in TOKEN.finditer(text)))


def split_name(name: str) -> set[tuple[str, ...]]:
    """Return the texts of a name's tokens, with its marks and without, as a question may have them."""
    tokens = split_words(name.replace('"', " ")).tokens
    plain = tuple(token.text for token in tokens if token.kind is not Kind.SIGN)
    return {tuple(token.text for token in tokens), plain} - {()}


def number_forms(words: tuple[str, ...]) -> set[tuple[str, ...]]:
    """Return a name's forms with any one word in the plural or the singular, and the name itself."""
    forms = {words}
    for index, word in enumerate(words):
        for other in (*_plurals(word), *_singulars(word)):
            forms.add((*words[:index], other, *words[index + 1 :]))
    return forms


def _token(found: re.Match[str]) -> Token:
    group = found.lastgroup or "sign"
    text = found[0][1:-1] if group == "quoted" else found[0]
    return Token(Kind[group.upper()], text.casefold(), found.start(), found.end())


def _plurals(word: str) -> list[str]:
    if word.endswith("y") and word[-2:-1] not in {"a", "e", "i", "o", "u"}:
        return [f"{word[:-1]}ies"]
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return [f"{word}es"]
    return [f"{word}s"]


def _singulars(word: str) -> list[str]:
    found = []
    if word.endswith("ies"):
        found.append(f"{word[:-3]}y")
    if word.endswith(("ses", "xes", "zes", "ches", "shes")):
        found.append(word[:-2])
    if word.endswith("s") and not word.endswith("ss"):
        found.append(word[:-1])
    return [each for each in found if each]
