"""The rule of categories: the longest match of names and aliases in either number, or "quoted". Pure."""

from typing import Final

from apps.spatial.asking.lexicon import Lexicon
from apps.spatial.asking.matches import Match, Part
from apps.spatial.asking.words import Kind, Words

LONGEST_NAME: Final = 40


def match_categories(words: Words, position: int, lexicon: Lexicon) -> Match | None:
    """Read one category, or several with `or`, `and` or commas between them."""
    found: list[str] = []
    end = position
    while (one := _category(words, end, lexicon)) is not None:
        if one.alternatives or one.fault:
            return one
        found += one.value
        end += one.length
        joint = _joint(words, end)
        if not joint or _category(words, end + joint, lexicon) is None:
            break
        end += joint
    if not found:
        return None
    names = tuple(dict.fromkeys(found))
    return Match(end - position, Part.CATEGORY, names, f"category {' or '.join(names)}")


def _category(words: Words, position: int, lexicon: Lexicon) -> Match | None:
    token = words.at(position)
    if token is None:
        return None
    if token.kind is Kind.QUOTED:
        return _quoted(token.text, lexicon)
    for length in range(min(LONGEST_NAME, len(words.tokens) - position), 0, -1):
        meanings = lexicon.categories.get(words.texts(position, length))
        if meanings is not None and len(meanings) > 1:
            return Match(length, Part.CATEGORY, meanings, alternatives=meanings)
        if meanings is not None:
            return Match(length, Part.CATEGORY, meanings)
    return None


def _quoted(text: str, lexicon: Lexicon) -> Match:
    name = lexicon.exact.get(" ".join(text.split()))
    if name is None:
        return Match(1, Part.CATEGORY, fault=f"There is no category {text}.")
    return Match(1, Part.CATEGORY, (name,))


def _joint(words: Words, position: int) -> int:
    """Return how many tokens join two categories here: `or`, `and`, a comma, a comma with either."""
    comma = int(words.says(position, ","))
    return comma + (words.one_of(position + comma, frozenset({"or", "and"})) is not None)
