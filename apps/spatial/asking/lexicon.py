"""What the grammar knows of one dataset: its categories, the areas, the span of its data, and the clock."""

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from apps.spatial.asking.words import number_forms, split_name

NEAREST: Final = 5
NEAR_ENOUGH: Final = 0.75

Phrase = tuple[str, ...]
MeaningT = TypeVar("MeaningT")


@dataclass(frozen=True, slots=True)
class AreaName:
    """An area as a question may name it."""

    id: uuid.UUID
    name: str


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The names a question may use; a phrase with several meanings is a tie. first, last: days of the data.

    value_names are what the value is called beside "value".
    """

    zone: ZoneInfo
    now: dt.datetime
    first: dt.date | None = None
    last: dt.date | None = None
    categories: Mapping[Phrase, tuple[str, ...]] = field(default_factory=dict)
    exact: Mapping[str, str] = field(default_factory=dict)
    areas: Mapping[Phrase, tuple[AreaName, ...]] = field(default_factory=dict)
    value_names: frozenset[Phrase] = frozenset()
    names: tuple[str, ...] = ()

    @property
    def today(self) -> dt.date:
        """Return the day it is in the dataset's zone."""
        return self.now.astimezone(self.zone).date()

    def nearest(self, word: str) -> list[str]:
        """Return the names most like a word that is not understood."""
        by_fold: dict[str, str] = {}
        for name in self.names:
            by_fold.setdefault(name.casefold(), name)
            for part in name.casefold().split():
                by_fold.setdefault(part, name)
        found = get_close_matches(word, by_fold, NEAREST, NEAR_ENOUGH)
        return list(dict.fromkeys(by_fold[fold] for fold in found))


def category_phrases(terms: Iterable[tuple[str, Iterable[str]]]) -> dict[Phrase, tuple[str, ...]]:
    """Return the categories that each phrase means: names before aliases, these before forms of number.

    terms: text and aliases of each category.
    """
    pairs = [(text, tuple(aliases)) for text, aliases in terms]
    ranks: list[list[tuple[Phrase, str]]] = [[], [], [], []]
    for text, aliases in pairs:
        ranks[0] += [(phrase, text) for phrase in split_name(text)]
        ranks[1] += [(phrase, text) for alias in aliases for phrase in split_name(alias)]
        ranks[2] += [(form, text) for phrase in split_name(text) for form in number_forms(phrase)]
        ranks[3] += [(form, text) for alias in aliases for p in split_name(alias) for form in number_forms(p)]
    return _ranked(ranks)


def area_phrases(areas: Iterable[tuple[AreaName, Iterable[str]]]) -> dict[Phrase, tuple[AreaName, ...]]:
    """Return the areas that each phrase means, names before aliases."""
    pairs = [(area, tuple(aliases)) for area, aliases in areas]
    names = [(phrase, area) for area, _ in pairs for phrase in split_name(area.name)]
    others = [(p, area) for area, aliases in pairs for alias in aliases for p in split_name(alias)]
    return _ranked([names, others])


def _ranked(ranks: Iterable[Iterable[tuple[Phrase, MeaningT]]]) -> dict[Phrase, tuple[MeaningT, ...]]:
    """Return the meanings of each phrase in the first rank that knows it."""
    found: dict[Phrase, tuple[MeaningT, ...]] = {}
    for rank in ranks:
        fresh: dict[Phrase, dict[MeaningT, None]] = {}
        for phrase, meaning in rank:
            if phrase not in found:
                fresh.setdefault(phrase, {})[meaning] = None
        found |= {phrase: tuple(meanings) for phrase, meanings in fresh.items()}
    return found
