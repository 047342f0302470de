"""One reader for each section: blocks in, values out. What a reader cannot read it tells `warn`."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from apps.signals.narratives import model
from apps.signals.narratives.blocks import Block, Fence, Heading, Item, Line, TableRow
from apps.signals.narratives.values import (
    NUMBER,
    SIGNED,
    number_of,
    plain_number,
    without_cumulative,
    words_of,
)

Warn = Callable[[str], None]
Blocks = Sequence[Block]

SHOWN_CHARS: Final = 80
COMPARISON_COLUMNS: Final = 4
DRIVER_COLUMNS: Final = 13
BREAKDOWN_COLUMNS: Final = 8
# Where the segment stands, which alone may hold pipes of its own.
DRIVER_SEGMENT: Final = 2
BREAKDOWN_SEGMENT: Final = 1

# Greedy up to the last `: ` before a signed number: segments hold colons, too.
_ITEM: Final = re.compile(rf"\[([^\]]*)\]\s*(.*):\s+({SIGNED})(?:\s*,\s*(.*))?")
_FLAG: Final = re.compile(r"\[([^\]]*)\]")
_COUNTS: Final = re.compile(r"(\d{1,9})(?:\s*\(\s*(\d{1,9})\b.*)?")
_BAR: Final = re.compile(rf".*?({NUMBER})\s*%\s*")
_TOP: Final = re.compile(rf"\[Top\s+\d+\s*=\s*({NUMBER})\s*%.*", re.IGNORECASE)
_INSIGHT: Final = re.compile(
    rf"(.*):\s*excess\s+({NUMBER})\s*,\s*z\s*=\s*({NUMBER}|n/a|-)\s*(?:\((.*)\))?\s*", re.IGNORECASE
)


def read_executive_summary(blocks: Blocks, warn: Warn) -> model.ExecutiveSummary:
    """Read counts, the Pareto sentence, and the items under their bold lines."""
    summary = model.ExecutiveSummary()
    side = ""
    for block in blocks:
        if isinstance(block, Item):
            summary = _with_item(summary, side, block, warn)
        elif isinstance(block, Line):
            side = _side_of(block.text, "higher", "lower") or side
            summary = _with_fact(summary, block)
    return summary


def _with_fact(summary: model.ExecutiveSummary, line: Line) -> model.ExecutiveSummary:
    label = line.label.lower()
    if label.startswith("total segments") and (found := _COUNTS.match(line.value)):
        facility = int(found[2]) if found[2] else None
        return replace(summary, total_segments=int(found[1]), facility_segments=facility)
    if label.startswith("pareto insight"):
        return replace(summary, pareto_insight=line.value or None)
    return summary


def _with_item(summary: model.ExecutiveSummary, side: str, line: Item, warn: Warn) -> model.ExecutiveSummary:
    found = _ITEM.fullmatch(line.text)
    if found is None or not side:
        warn(_unread(line.text))
        return summary
    rest = found[4] or ""
    item = model.SummaryItem(
        dimension=found[1].strip(),
        segment=found[2].strip(),
        excess=plain_number(found[3]),
        trend=_FLAG.sub("", rest).strip(),
        flags=tuple(flag.strip() for flag in _FLAG.findall(rest)),
    )
    if side == "higher":
        return replace(summary, higher=(*summary.higher, item))
    return replace(summary, lower=(*summary.lower, item))


def read_comparison(blocks: Blocks, warn: Warn) -> tuple[model.MetricComparison, ...]:
    """Read the other metrics."""
    rows = _rows(blocks, COMPARISON_COLUMNS, 0, warn)
    return tuple(
        model.MetricComparison(name, _number(value, warn), _number(z_score, warn), words_of(status))
        for _, (name, value, z_score, status) in rows
    )


def read_pareto(blocks: Blocks, warn: Warn) -> model.ParetoAnalysis:
    """Read the bars of both directions."""
    found: dict[str, list[model.ParetoItem]] = {"adding": [], "reducing": []}
    tops: dict[str, float | None] = {"adding": None, "reducing": None}
    side = ""
    for block in blocks:
        if isinstance(block, Heading):
            side = _side_of(block.text, "adding", "reducing")
        elif isinstance(block, Fence) and side:
            for line in filter(None, map(str.strip, block.text.splitlines())):
                if top := _TOP.fullmatch(line):
                    tops[side] = plain_number(top[1])
                elif bar := _bar_of(line):
                    found[side].append(bar)
                else:
                    warn(_unread(line))
    return model.ParetoAnalysis(
        tuple(found["adding"]), tuple(found["reducing"]), tops["adding"], tops["reducing"]
    )


def _bar_of(line: str) -> model.ParetoItem | None:
    """Return the item of a bar, split at the first pipe and the last bracket."""
    drawn, _, named = line.partition("| ")
    segment, _, excess = named.rpartition("(")
    share, size = _BAR.fullmatch(drawn), re.fullmatch(rf"\s*({NUMBER})\s*\)", excess)
    if share is None or size is None or not segment.strip():
        return None
    return model.ParetoItem(segment.strip(), plain_number(size[1]), plain_number(share[1]))


def read_drivers(blocks: Blocks, warn: Warn) -> tuple[model.Driver, ...]:
    """Read the thirteen columns of one table of drivers."""
    return tuple(_driver(cells, warn) for _, cells in _rows(blocks, DRIVER_COLUMNS, DRIVER_SEGMENT, warn))


def _driver(cells: Sequence[str], warn: Warn) -> model.Driver:
    rank = _number(cells[0], warn)
    interpretation, cumulative = without_cumulative(cells[12])
    return model.Driver(
        rank=int(rank) if rank is not None else None,
        dimension=words_of(cells[1]),
        segment=cells[2],
        value=_number(cells[3], warn),
        weight=_number(cells[4], warn),
        excess=_number(cells[5], warn),
        trend=words_of(cells[6]),
        slope_percentile=_number(cells[7], warn),
        mean_z=_number(cells[8], warn),
        z_score=_number(cells[9], warn),
        peer_status=words_of(cells[10]),
        multi_kpi=words_of(cells[11]),
        interpretation=words_of(interpretation),
        cumulative_pct=cumulative,
    )


def read_insights(blocks: Blocks, warn: Warn) -> model.Insights:
    """Read the items under their two headings."""
    found: dict[str, list[model.Insight]] = {"double trouble": [], "internal issue": []}
    side = ""
    for block in blocks:
        if isinstance(block, Heading):
            side = _side_of(block.text, "double trouble", "internal issue")
        elif isinstance(block, Item) and side:
            if insight := _insight_of(block.text):
                found[side].append(insight)
            else:
                warn(_unread(block.text))
    return model.Insights(tuple(found["double trouble"]), tuple(found["internal issue"]))


def _insight_of(text: str) -> model.Insight | None:
    found = _INSIGHT.fullmatch(text)
    if found is None:
        return None
    return model.Insight(found[1].strip(), plain_number(found[2]), number_of(found[3]), found[4] or None)


def read_breakdown(blocks: Blocks, warn: Warn) -> tuple[model.BreakdownRow, ...]:
    """Read the rows, those with a corner mark as children of the bold row before them."""
    found: list[model.BreakdownRow] = []
    has_parent = False
    for is_bold, cells in _rows(blocks, BREAKDOWN_COLUMNS, BREAKDOWN_SEGMENT, warn):
        is_child = "\u2514" in cells[0]
        row = _breakdown_row(cells, warn)
        if is_child and has_parent:
            found[-1] = replace(found[-1], children=(*found[-1].children, row))
            continue
        has_parent = not is_child and (is_bold or row.level.upper() == "SL")
        if not has_parent:
            warn(f"Breakdown row without a service line before it: {row.segment[:SHOWN_CHARS]}")
        found.append(row)
    return tuple(found)


def _breakdown_row(cells: Sequence[str], warn: Warn) -> model.BreakdownRow:
    return model.BreakdownRow(
        level=cells[0].strip("\u2514\u2500 "),
        segment=cells[1],
        value=_number(cells[2], warn),
        weight=_number(cells[3], warn),
        excess=_number(cells[4], warn),
        z_score=_number(cells[5], warn),
        peer_status=words_of(cells[6]),
        interpretation=words_of(cells[7]),
    )


def _rows(
    blocks: Iterable[Block], columns: int, segment: int, warn: Warn
) -> Iterator[tuple[bool, tuple[str, ...]]]:
    """Yield whether a row is bold, and its cells; those over the number are pipes in the segment."""
    for block in blocks:
        if not isinstance(block, TableRow):
            continue
        surplus = len(block.cells) - columns
        if surplus < 0:
            warn(f"Row with {len(block.cells)} of {columns} columns: {' '.join(block.cells)[:SHOWN_CHARS]}")
            continue
        cells = block.cells
        if surplus:
            joined = "|".join(cells[segment : segment + surplus + 1])
            cells = (*cells[:segment], joined, *cells[segment + surplus + 1 :])
            warn(f"Row with unescaped pipes, taken as part of the segment: {joined[:SHOWN_CHARS]}")
        yield block.is_bold, cells


def _number(text: str, warn: Warn) -> float | None:
    try:
        return number_of(text)
    except ValueError:
        warn(f"Not a number: {text[:SHOWN_CHARS]}")
        return None


def _side_of(text: str, *sides: str) -> str:
    """Return which of some words stands in a text, empty if none does."""
    return next((side for side in sides if side in text.lower()), "")


def _unread(text: str) -> str:
    return f"Line not understood: {text[:SHOWN_CHARS]}"
