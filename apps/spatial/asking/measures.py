"""Rules of what is asked for: a count, the fullest cells, an average, a trend. Pure."""

from dataclasses import dataclass
from typing import Final

from apps.datasets.queries.timeline import Bucket
from apps.spatial.asking.asked import DEFAULT_TOP, TOP_MAX, Measure
from apps.spatial.asking.lexicon import Lexicon
from apps.spatial.asking.matches import Match, Part
from apps.spatial.asking.words import FILLER, Words

BUCKETS: Final = {bucket.value: bucket for bucket in Bucket}
ADVERBS: Final = {
    "hourly": Bucket.HOUR, "daily": Bucket.DAY, "weekly": Bucket.WEEK, "monthly": Bucket.MONTH,
    "yearly": Bucket.YEAR,
}  # fmt: skip
RANKED_BY_COUNT: Final = "Cells are ranked by their count; whether a count is significant is not tested."
# Between "where" and "most" may stand so many words, each read by itself.
MOST_WITHIN: Final = 40


@dataclass(frozen=True, slots=True)
class Measured:
    """A measure with what it takes; None where the words leave it open."""

    measure: Measure
    top: int | None = None
    bucket: Bucket | None = None


def match_count(words: Words, position: int, lexicon: Lexicon) -> Match | None:
    """Read `how many`, `count of`, `number of`."""
    for phrase in (("how", "many"), ("count", "of"), ("number", "of"), ("count",)):
        if words.says(position, *phrase):
            return Match(len(phrase), Part.MEASURE, Measured(Measure.COUNT), "number of events")
    return None


def match_top(words: Words, position: int, lexicon: Lexicon) -> Match | None:
    """Read `top 3`, `hotspots`, `where ... most`."""
    if words.says(position, "top"):
        number = words.whole(position + 1)
        if number is None and words.number(position + 1) is None:
            return _top(1, DEFAULT_TOP)
        if number is None or not 1 <= number <= TOP_MAX:
            return Match(2, Part.MEASURE, fault=f"From top 1 to top {TOP_MAX}, please.")
        return _top(2, number)
    for phrase in (("hotspots",), ("hotspot",), ("hot", "spots"), ("hot", "spot")):
        if words.says(position, *phrase):
            return _top(len(phrase), DEFAULT_TOP, (RANKED_BY_COUNT,))
    return None


def match_where(words: Words, position: int, lexicon: Lexicon) -> Match | None:
    """Read the `where` and the `most` of `where ... most`: both mean the fullest cells."""
    if words.says(position, "where") and "most" in words.texts(position + 1, MOST_WITHIN):
        return _top(1, DEFAULT_TOP)
    if words.says(position, "most") and "where" in words.texts(0, position):
        return _top(1, DEFAULT_TOP)
    return None


def match_average(words: Words, position: int, lexicon: Lexicon) -> Match | None:
    """Read `average of the value`, `mean magnitude`: the value by its name in the file or as "value"."""
    if not words.one_of(position, frozenset({"average", "mean"})):
        return None
    end = position + 1
    end += words.says(end, "of")
    end += words.says(end, "the")
    for name in sorted({("value",), ("values",), *lexicon.value_names}, key=len, reverse=True):
        if words.says(end, *name):
            length = end + len(name) - position
            return Match(length, Part.MEASURE, Measured(Measure.AVERAGE), "mean of the value")
    return None


def match_trend(words: Words, position: int, lexicon: Lexicon) -> Match | None:
    """Read `trend by month`, `by week`, `per day`, `monthly`, and `trend` alone."""
    if words.says(position, "trend"):
        return _trend(1, None)
    adverb = words.one_of(position, ADVERBS)
    if adverb is not None:
        return _trend(1, ADVERBS[adverb])
    bucket = words.one_of(position + 1, BUCKETS) if words.one_of(position, frozenset({"by", "per"})) else None
    return _trend(2, BUCKETS[bucket]) if bucket is not None else None


def match_filler(words: Words, position: int, lexicon: Lexicon) -> Match | None:
    """Read a word of the fixed list that says nothing."""
    if words.says(position, "in", "total") or words.says(position, "in", "all"):
        return Match(2, Part.FILLER)
    return Match(1, Part.FILLER) if words.one_of(position, FILLER) is not None else None


def _top(length: int, number: int, notes: tuple[str, ...] = ()) -> Match:
    meaning = f"the {number} cells with the most events"
    return Match(length, Part.MEASURE, Measured(Measure.TOP, top=number), meaning, notes)


def _trend(length: int, bucket: Bucket | None) -> Match:
    meaning = f"events by {bucket.value}" if bucket else "events over time"
    return Match(length, Part.MEASURE, Measured(Measure.TREND, bucket=bucket), meaning)
