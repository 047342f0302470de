"""The grammar: tries each rule from left to right, takes the longest match, accounts for every word. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from apps.common.errors import Invalid
from apps.datasets.queries.timeline import Bucket
from apps.spatial.asking.asked import DEFAULT_TOP, AskedQuery, Measure
from apps.spatial.asking.hours import match_hours, match_part_of_day, match_weekdays
from apps.spatial.asking.lexicon import Lexicon
from apps.spatial.asking.matches import Match, Part, Rule
from apps.spatial.asking.measures import (
    Measured,
    match_average,
    match_count,
    match_filler,
    match_top,
    match_trend,
    match_where,
)
from apps.spatial.asking.names import match_categories
from apps.spatial.asking.places import match_area, match_box, match_cell, match_circle, match_resolution
from apps.spatial.asking.times import match_date, match_open, match_relative, match_span, outside_note
from apps.spatial.asking.words import PREPOSITIONS, Kind, Words, split_words

RULES: Final[tuple[Rule, ...]] = (
    match_count, match_top, match_where, match_average, match_trend,
    match_date, match_span, match_open, match_relative,
    match_hours, match_part_of_day, match_weekdays,
    match_categories,
    match_area, match_circle, match_box, match_cell, match_resolution,
    match_filler,
)  # fmt: skip
NEGATIONS: Final = frozenset({"without", "not", "except"})
COMPARING: Final = frozenset({"compare", "compared", "change", "changed", "versus", "vs"})
ASK_TWICE: Final = "Ask about each of the two by itself."
COUNTED: Final = "No measure is named; events are counted."
BY_MONTH: Final = "No period is named; the trend is by month."


class QuestionRefused(Invalid):
    """The question is not understood in full, so it is not answered.

    `unknown` lists the words that no rule of the grammar reads, `suggestions` what may have been meant;
    `understood` is the rest. GET /questions/grammar lists the rules with examples. With `lenient` unknown
    words are passed over, except after in, at, near, from, by, with, without, not and except.
    """

    code = "spatial.question_refused"


@dataclass(frozen=True, slots=True)
class Understood:
    """A part of the question and what it is taken for."""

    text: str
    meaning: str

    def as_dict(self) -> dict[str, str]:
        """Return it as it goes out."""
        return {"text": self.text, "as": self.meaning}


@dataclass(frozen=True, slots=True)
class Reading:
    """What a question was read as."""

    query: AskedQuery
    understood: tuple[Understood, ...]
    ignored: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Account:
    """Where each word of a question has gone so far."""

    words: Words
    lexicon: Lexicon
    is_lenient: bool
    understood: list[Understood] = field(default_factory=list)
    matches: list[Match] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    suggestions: list[str] = field(default_factory=list)
    # A preposition that no rule has read and whose object is still to come.
    pending: str = ""

    def take(self, position: int, match: Match) -> None:
        """Account for the words of a match."""
        text = self.words.excerpt(position, match.length)
        if match.part is Part.FILLER:
            self.ignored.append(text)
            return
        self._close_preposition()
        if match.fault:
            self.refuse(text, match.fault)
        elif match.alternatives:
            self.refuse(text, f"{text} may be {' or '.join(match.alternatives)}.", match.alternatives)
        else:
            self.matches.append(match)
            self.understood.append(Understood(text, match.meaning))

    def pass_over(self, position: int) -> None:
        """Account for a word that no rule reads."""
        token = self.words.tokens[position]
        if token.is_silent:
            return
        if token.text in PREPOSITIONS and token.kind is Kind.WORD:
            self._close_preposition()
            self.pending = token.text
            return
        if self.is_lenient and not self.pending and token.kind is not Kind.NUMBER:
            self.ignored.append(self.words.excerpt(position, 1))
            return
        if self.pending in NEGATIONS:
            self._close_preposition()
        elif self.pending:
            self.ignored.append(self.pending)
            self.pending = ""
        near = self.lexicon.nearest(token.text)
        if token.text in COMPARING:
            near = [ASK_TWICE]
        self.refuse(token.text, f"{token.text} is not understood.", near)

    def refuse(self, text: str, reason: str, suggestions: Sequence[str] = ()) -> None:
        """Note what speaks against an answer."""
        self.unknown.append(text.casefold())
        self.reasons.append(reason)
        self.suggestions += suggestions

    def _close_preposition(self) -> None:
        """Account for a preposition before something else that was read: only `in` can be spared."""
        if self.pending == "in":
            self.ignored.append(self.pending)
        elif self.pending:
            self.refuse(self.pending, f"{self.pending} is not understood here.")
        self.pending = ""

    def finish(self) -> None:
        """Account for a preposition at the end."""
        if self.pending:
            self.refuse(self.pending, f"{self.pending} is not understood here.")

    def refusal(self) -> QuestionRefused:
        """Return the refusal for all that speaks against an answer."""
        return refusal(
            " ".join(dict.fromkeys(self.reasons)),
            understood=self.understood,
            unknown=self.unknown,
            suggestions=self.suggestions,
        )


def refusal(
    detail: str,
    *,
    understood: Sequence[Understood] = (),
    unknown: Sequence[str] = (),
    suggestions: Sequence[str] = (),
) -> QuestionRefused:
    """Return a refusal with all its members."""
    return QuestionRefused(
        detail,
        extra={
            "understood": [each.as_dict() for each in understood],
            "unknown": list(dict.fromkeys(unknown)),
            "suggestions": list(dict.fromkeys(suggestions)),
        },
    )


def parse_question(question: str, lexicon: Lexicon, *, lenient: bool = False) -> Reading:
    """Return what a question asks; raises QuestionRefused unless every word is accounted for."""
    words = split_words(question)
    account = _Account(words, lexicon, lenient)
    position = 0
    while position < len(words.tokens):
        match = _best(words, position, lexicon)
        if match is None:
            account.pass_over(position)
            position += 1
        else:
            account.take(position, match)
            position += match.length
    account.finish()
    if not account.unknown and not account.matches:
        account.refuse("", "The question names nothing to count.")
    query, notes = _compose(account)
    if account.unknown:
        raise account.refusal()
    return Reading(query, tuple(account.understood), tuple(account.ignored), notes)


def _best(words: Words, position: int, lexicon: Lexicon) -> Match | None:
    """Return the longest match; several of one length that differ are a tie, which filler never wins."""
    found = [match for rule in RULES if (match := rule(words, position, lexicon)) is not None]
    if not found:
        return None
    longest = max(match.length for match in found)
    best = [match for match in found if match.length == longest]
    meant = [match for match in best if match.part is not Part.FILLER] or best
    parts = dict.fromkeys(match.part for match in meant)
    if len(parts) == 1:
        return meant[0]
    return replace(meant[0], alternatives=tuple(match.meaning for match in meant))


def _compose(account: _Account) -> tuple[AskedQuery, tuple[str, ...]]:
    """Return the typed query and the notes; what contradicts itself is refused."""
    by_part: dict[Part, list[Match]] = {}
    for match in account.matches:
        by_part.setdefault(match.part, []).append(match)
    for part, matches in by_part.items():
        if part is not Part.MEASURE and len({str(match.value) for match in matches}) > 1:
            account.refuse(part.value, f"There is more than one {part.value}.")
    values: dict[str, Any] = {
        name: by_part[part][0].value for name, part in FIELDS.items() if part in by_part
    }
    measured, notes = _measured([match.value for match in by_part.get(Part.MEASURE, [])], account)
    query = AskedQuery(measure=measured.measure, top=measured.top, bucket=measured.bucket, **values)
    notes += [note for match in account.matches for note in match.notes]
    notes.append(outside_note(query.when, account.lexicon))
    return query, tuple(dict.fromkeys(note for note in notes if note))


FIELDS: Final = {
    "when": Part.WINDOW,
    "hours": Part.HOURS,
    "weekdays": Part.WEEKDAYS,
    "categories": Part.CATEGORY,
    "place": Part.PLACE,
    "resolution": Part.RESOLUTION,
}


def _measured(found: list[Measured], account: _Account) -> tuple[Measured, list[str]]:
    """Return what is asked for; `how many ... by month` is a trend."""
    kinds = {each.measure for each in found}
    if kinds == {Measure.COUNT, Measure.TREND}:
        kinds = {Measure.TREND}
    if len(kinds) > 1 or len({each.top for each in found if each.top}) > 1:
        account.refuse("measure", "The question asks for several things at once.")
    if not kinds:
        return Measured(Measure.COUNT), [COUNTED]
    measure = next(iter(kinds))
    if measure is Measure.TOP:
        return Measured(measure, top=next((each.top for each in found if each.top), DEFAULT_TOP)), []
    if measure is not Measure.TREND:
        return Measured(measure), []
    buckets = list(dict.fromkeys(each.bucket for each in found if each.bucket))
    if len(buckets) > 1:
        account.refuse("measure", "The question names several periods.")
    if not buckets:
        return Measured(measure, bucket=Bucket.MONTH), [BY_MONTH]
    return Measured(measure, bucket=buckets[0]), []
