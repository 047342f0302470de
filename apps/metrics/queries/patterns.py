"""Patterns of metrics: `cpu.*.load;host=web*`, matched by PostgreSQL.

Its regular expressions without back references are automata, so no pattern takes more than linear time; and
what stands before the first wildcard narrows the search to a range of the key's index (collation C).

    cpu.*            `*` `?` `[a-z]` `[!a-z]` `{a,b}` stay inside a part between dots
    cpu.**           `**` goes across
    cpu;host=web*    the tag is there and its value matches; other tags do not matter
    cpu;host!=web*   the contrary
    cpu;*            with any tags, or none; without `;` only untagged metrics match
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models import F, Q
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Collate
from django.db.models.lookups import Regex

from apps.common.errors import Invalid
from apps.metrics.models.metric import MetricQuerySet

MAX_CHARACTERS: Final = 255
MAX_WILDCARDS: Final = 16
MAX_CODE_POINT: Final = 0x10FFFF
SURROGATES: Final = range(0xD800, 0xE000)

_TOKEN: Final = re.compile(
    r"(?P<across>\*{2,})|(?P<some>\*)|(?P<one>\?)"
    r"|(?P<set>\[[!^]?\]?[^\]]*\])|(?P<any>\{[^{}]*\})|(?P<text>.)",
    re.DOTALL,
)


class InvalidPattern(Invalid):
    """A pattern of metrics cannot be read.

    It has at most 255 characters and 16 wildcards: `*`, `**`, `?`, `[a-z]`, `{a,b}`.
    """

    code = "metrics.invalid_pattern"


@dataclass(frozen=True, slots=True)
class TagTest:
    """What a pattern says of one tag; without a regular expression, that it is not there."""

    tag: str
    regex: str | None
    is_negated: bool

    def condition(self) -> Q:
        """Return the condition on a metric."""
        if self.regex is None:
            found = Q(tags__has_key=self.tag)
            return found if self.is_negated else ~found
        value = KeyTextTransform(self.tag, F("tags"))
        found = Q(tags__has_key=self.tag) & Q(Regex(Collate(value, "C"), self.regex))
        return ~found if self.is_negated else found


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern as conditions on a metric: its key, and its tags."""

    key_regex: str
    prefix: str
    is_exact: bool
    tags: tuple[TagTest, ...]

    def condition(self) -> Q:
        """Return the condition on a metric."""
        if self.is_exact:
            return Q(key=self.prefix)
        found = Q(key__regex=self.key_regex)
        if self.prefix:
            found &= Q(key__gte=self.prefix)
        if end := _successor(self.prefix):
            found &= Q(key__lt=end)
        for tag in self.tags:
            found &= tag.condition()
        return found


def matching(metrics: MetricQuerySet, patterns: Sequence[str], *, also: Sequence[str] = ()) -> MetricQuerySet:
    """Return the metrics that match any of the patterns, or have one of the keys; raises InvalidPattern."""
    found = Q(key__in=also)
    for text in patterns:
        found |= parse_pattern(text).condition()
    return metrics.filter(found)


def parse_pattern(text: str) -> Pattern:
    """Return the conditions of a pattern; raises InvalidPattern."""
    if not text or len(text) > MAX_CHARACTERS:
        raise InvalidPattern(f"A pattern has 1 to {MAX_CHARACTERS} characters.")
    name, *tests = unicodedata.normalize("NFC", text).split(";")
    tokens = list(_tokens(name))
    wildcards = _wildcards(tokens)
    tags: list[TagTest] = []
    for test in tests:
        if test != "*":
            tag, found = _tag_test(test)
            tags.append(tag)
            wildcards += found
    if wildcards > MAX_WILDCARDS:
        raise InvalidPattern(f"A pattern has at most {MAX_WILDCARDS} wildcards.")
    prefix = _literal_start(tokens)
    return Pattern(
        key_regex=f"^{_regex(tokens, within='.;', across=';')}{'(?:;|$)' if tests else '$'}",
        prefix=prefix,
        is_exact=not tests and prefix == name,
        tags=tuple(tags),
    )


def _tag_test(text: str) -> tuple[TagTest, int]:
    """Return what is said of a tag, and how many wildcards it has."""
    tag, equals, glob = text.partition("=")
    is_negated = tag.endswith("!")
    tag = tag.removesuffix("!")
    if not equals or not tag:
        raise InvalidPattern(f"After a `;` stands `tag=glob`, `tag!=glob` or `*`, not {text!r}.")
    # Keys write these two characters so, as `;` ends a tag.
    tokens = list(_tokens(glob.replace("%3B", ";").replace("%25", "%")))
    regex = f"^{_regex(tokens, within='', across='')}$" if tokens else None
    return TagTest(tag, regex, is_negated), _wildcards(tokens)


def _wildcards(tokens: Sequence[tuple[str, str]]) -> int:
    """Return how many wildcards there are, those between braces included."""
    inside = sum(_wildcards(list(_tokens(text[1:-1]))) for kind, text in tokens if kind == "any")
    return inside + sum(kind != "text" for kind, _ in tokens)


def _tokens(glob: str) -> Iterator[tuple[str, str]]:
    for found in _TOKEN.finditer(glob):
        kind = found.lastgroup or "text"
        if kind == "text" and found[0] in "[]{}":
            raise InvalidPattern(f"A bracket of {glob!r} is not closed; write [[] for the character itself.")
        yield kind, found[0]


def _literal_start(tokens: Sequence[tuple[str, str]]) -> str:
    found = []
    for kind, text in tokens:
        if kind != "text":
            break
        found.append(text)
    return "".join(found)


def _regex(tokens: Sequence[tuple[str, str]], *, within: str, across: str) -> str:
    """Return the regular expression of a glob.

    within: characters that `*`, `?` and sets do not match; across: those that `**` does not.
    """
    parts = []
    for kind, text in tokens:
        if kind == "text":
            parts.append(_escaped(text))
        elif kind == "across":
            parts.append(f"{_all_but(across)}*")
        elif kind == "some":
            parts.append(f"{_all_but(within)}*")
        elif kind == "one":
            parts.append(_all_but(within))
        elif kind == "set":
            parts.append(_character_set(text, within))
        else:
            parts.append(_alternatives(text, within, across))
    return "".join(parts)


def _alternatives(text: str, within: str, across: str) -> str:
    choices = (_regex(list(_tokens(each)), within=within, across=across) for each in text[1:-1].split(","))
    return f"(?:{'|'.join(choices)})"


def _all_but(characters: str) -> str:
    return f"[^{characters}]" if characters else "."


def _character_set(text: str, excluded: str) -> str:
    """Return a set such as `[a-z]` without the excluded characters."""
    body = text[1:-1]
    is_negated = body[:1] in {"!", "^"}
    ranges = list(_ranges(body[1:] if is_negated else body))
    points = [(ord(character), ord(character)) for character in excluded]
    if is_negated:
        return f"[^{_bounds([*ranges, *points])}]"
    for point, _ in points:
        ranges = [part for each in ranges for part in _without(each, point)]
    return f"[{_bounds(ranges)}]" if ranges else "(?!)"


def _ranges(body: str) -> Iterator[tuple[int, int]]:
    if not body:
        raise InvalidPattern("A set of characters is empty.")
    place = 0
    while place < len(body):
        is_range = body[place + 1 : place + 2] == "-" and place + 2 < len(body)
        first, last = body[place], body[place + 2 if is_range else place]
        if last < first:
            raise InvalidPattern(f"The range {first}-{last} is the wrong way round.")
        yield ord(first), ord(last)
        place += 3 if is_range else 1


def _without(bounds: tuple[int, int], point: int) -> list[tuple[int, int]]:
    first, last = bounds
    if not first <= point <= last:
        return [bounds]
    return [part for part in ((first, point - 1), (point + 1, last)) if part[0] <= part[1]]


def _bounds(ranges: Sequence[tuple[int, int]]) -> str:
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges)


def _escaped(character: str) -> str:
    return character if character.isalnum() or not character.isascii() else f"\\{character}"


def _successor(prefix: str) -> str:
    """Return the least text that is greater than all that start with a prefix; empty if there is none."""
    if not prefix or ord(prefix[-1]) == MAX_CODE_POINT:
        return ""
    following = ord(prefix[-1]) + 1
    return prefix[:-1] + chr(SURROGATES.stop if following in SURROGATES else following)
