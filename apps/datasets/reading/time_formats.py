"""Which formats a column of times is in; day or month first only where the column itself proves it."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from apps.datasets.reading.limits import FORMATS_MAX
from apps.datasets.reading.patterns import compile_pattern
from apps.datasets.reading.timestamps import parse_moment
from apps.datasets.reading.values import USUAL_NULLS

_DATES: Final = (
    "%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d", "%d.%m.%Y", "%m.%d.%Y", "%Y.%m.%d", "%d-%m-%Y", "%m-%d-%Y",
    "%m/%d/%y", "%d/%m/%y", "%d.%m.%y", "%m-%d-%y", "%d-%m-%y", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y",
    "%b %d, %Y", "%d %B %Y", "%B %d, %Y", "%a %b %d %Y",
)  # fmt: skip
_CLOCKS: Final = (
    "",
    " %H:%M:%S",
    " %H:%M",
    " %I:%M:%S %p",
    " %I:%M %p",
    ", %H:%M:%S",
    ", %H:%M",
    "T%H:%M:%S",
    "T%H:%M",
)
_OTHERS: Final = (
    "%m/%Y", "%Y/%m", "%b %Y", "%B %Y", "%b-%Y", "%b-%y", "%Y-%m-%d %I:%M:%S %p", "%Y-%m-%d %I:%M %p",
    "%Y%m%d%H%M%S", "%Y%m%d %H%M%S", "%d%b%Y", "%d%b%Y:%H:%M:%S",
)  # fmt: skip
PATTERNS: Final = (*(date + clock for date in _DATES for clock in _CLOCKS), *_OTHERS)
_EPOCH_S: Final = re.compile(r"\d{9,10}(\.\d+)?", re.ASCII)
_EPOCH_MS: Final = re.compile(r"\d{12,13}", re.ASCII)
_DIGIT: Final = re.compile(r"\d", re.ASCII)
_CLOCK_ALONE: Final = re.compile(r"([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class FormatsFound:
    """Formats in the order to try them; `share` of the values that are there is read by them.

    `proof_rows` counts values that only the chosen formats read; `undecided` says why a person must choose.
    """

    formats: tuple[str, ...] = ()
    share: float = 0.0
    rows: int = 0
    proof_rows: dict[str, int] = field(default_factory=dict)
    undecided: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the evidence."""
        return {
            "formats": list(self.formats),
            "share": round(self.share, 4),
            "rows": self.rows,
            "proof_rows": self.proof_rows,
            "undecided": self.undecided,
        }


class FormatCensus:
    """Collects which formats read how many values of a column."""

    def __init__(self) -> None:
        self._readers: Counter[tuple[str, ...]] = Counter()
        self._rows = 0

    def add(self, texts: Iterable[tuple[str, int]]) -> None:
        """Count values in, each with how often it occurs."""
        for text, count in texts:
            cleaned = USUAL_NULLS.clean(text)
            if cleaned is not None:
                self._rows += count
                self._readers[_formats_of(cleaned)] += count

    def result(self) -> FormatsFound:
        """Choose formats: those that alone read some value, then what else is needed, the most used first."""
        proof: Counter[str] = Counter()
        for formats, count in self._readers.items():
            if len(formats) == 1:
                proof[formats[0]] += count
        chosen = [name for name, _ in proof.most_common()]
        undecided = None
        for formats, _ in self._readers.most_common():
            known = [name for name in formats if name in chosen]
            if len(known) > 1:
                undecided = "day_month_mixed"
            elif formats and not known:
                chosen.append(formats[0])
                undecided = undecided or ("day_month_undecidable" if len(formats) > 1 else None)
        reads = {name: sum(n for formats, n in self._readers.items() if name in formats) for name in chosen}
        chosen = sorted(chosen, key=lambda name: -reads[name])[:FORMATS_MAX]
        read = sum(n for formats, n in self._readers.items() if any(name in chosen for name in formats))
        return FormatsFound(
            formats=tuple(chosen),
            share=read / self._rows if self._rows else 0.0,
            rows=self._rows,
            proof_rows={name: proof[name] for name in chosen},
            undecided=undecided,
        )


def is_clock(text: str) -> bool:
    """Tell whether a text is a time of day without a date."""
    return bool(_CLOCK_ALONE.fullmatch(text))


def _formats_of(text: str) -> tuple[str, ...]:
    """Return all formats that read a text, one for each different reading."""
    found: dict[object, str] = {}
    for name in _candidates(_DIGIT.sub("0", text)):
        if name == "epoch_s" and not _EPOCH_S.fullmatch(text):
            continue
        moment = parse_moment(text, (name,))
        if moment is not None:
            found.setdefault((moment, name) if _is_order_at_stake(name) else moment, name)
    return tuple(found.values())


def _is_order_at_stake(name: str) -> bool:
    """Tell whether a format has day and month as numbers before the year: 02/02/2023 proves neither."""
    return "%d" in name and "%m" in name and name.lower().rfind("%y") > max(name.find("%d"), name.find("%m"))


@lru_cache(maxsize=4_096)
def _candidates(shape: str) -> tuple[str, ...]:
    """Return the formats whose form fits a text with every digit made 0, which patterns can't tell."""
    named = ["iso"]
    if _EPOCH_S.fullmatch(shape):
        named.append("epoch_s")
    if _EPOCH_MS.fullmatch(shape):
        named.append("epoch_ms")
    return (*named, *(name for name in PATTERNS if compile_pattern(name).expression.fullmatch(shape)))
