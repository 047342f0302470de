"""The whole narrative: title, labels, and the sections found by their headings, in any order."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from apps.signals.narratives.blocks import Block, Heading, Line, read_blocks
from apps.signals.narratives.model import Narrative, TopDrivers
from apps.signals.narratives.sections import (
    Warn,
    read_breakdown,
    read_comparison,
    read_drivers,
    read_executive_summary,
    read_insights,
    read_pareto,
)
from apps.signals.narratives.values import instant_of, number_of

# Many times the longest that analytics writes; the nastiest text of this length takes about a second.
CHARS_MAX: Final = 128 * 1024
WARNINGS_MAX: Final = 100
SECTION_LEVEL: Final = 2
_FACILITY: Final = re.compile(r"medicare\s+id:?\s+(\S.*)", re.IGNORECASE)

# How a heading begins -> the reader of the section.
READERS: Final[Mapping[str, Callable[[list[Block], Warn], Any]]] = {
    "Executive Summary": read_executive_summary,
    "Cross-Metric Peer Comparison": read_comparison,
    "Pareto Analysis": read_pareto,
    "Top Drivers of Higher LOS": read_drivers,
    "Top Drivers of Lower LOS": read_drivers,
    "Insights": read_insights,
    "Hierarchical Contribution Breakdown": read_breakdown,
}


def parse_narrative(text: str) -> Narrative:
    """Return what a narrative says; a section that is missing is empty, with a warning."""
    warnings: list[str] = []

    def warn(message: str) -> None:
        if len(warnings) < WARNINGS_MAX:
            warnings.append(message)

    if len(text) > CHARS_MAX:
        warn(f"Longer than {CHARS_MAX:,} characters; only the beginning was read.")
    head, sections = _divided(read_blocks(text[:CHARS_MAX].removeprefix("\ufeff")))
    facts = _head_facts(head, warn)
    found = {name: _read(name, sections, warn) for name in READERS}
    return Narrative(
        **facts,
        executive_summary=found["Executive Summary"],
        cross_metric_comparison=found["Cross-Metric Peer Comparison"],
        pareto_analysis=found["Pareto Analysis"],
        top_drivers=TopDrivers(found["Top Drivers of Higher LOS"], found["Top Drivers of Lower LOS"]),
        insights=found["Insights"],
        hierarchical_breakdown=found["Hierarchical Contribution Breakdown"],
        warnings=tuple(warnings),
    )


def _divided(blocks: Iterable[Block]) -> tuple[list[Block], dict[str, list[Block]]]:
    """Return the blocks before the first section, and those of each known one; a repeated one goes on."""
    head: list[Block] = []
    sections: dict[str, list[Block]] = {}
    current = head
    for block in blocks:
        if isinstance(block, Heading) and block.level == SECTION_LEVEL:
            name = _section_of(block.text)
            current = sections.setdefault(name, []) if name else []
        else:
            current.append(block)
    return head, sections


def _section_of(heading: str) -> str:
    words = " ".join(heading.lower().split())
    return next((name for name in READERS if words.startswith(name.lower())), "")


def _read(name: str, sections: Mapping[str, list[Block]], warn: Warn) -> Any:
    if name not in sections:
        warn(f"Section missing: {name}")
    return READERS[name](sections.get(name, []), warn)


def _head_facts(head: Iterable[Block], warn: Warn) -> dict[str, Any]:
    """Return facility_id, metric_value and generated_at of the lines before the first section."""
    facts: dict[str, Any] = {"facility_id": None, "metric_value": None, "generated_at": None}
    for block in head:
        if isinstance(block, Heading) and (found := _FACILITY.search(block.text)):
            facts["facility_id"] = found[1].strip()
        elif isinstance(block, Line):
            _take_label(facts, block, warn)
    for name, value in facts.items():
        if value is None:
            warn(f"Not found before the first section: {name}")
    if (facts["metric_value"] or 0.0) < 0:
        warn("The facility's LOS index is negative.")
    return facts


def _take_label(facts: dict[str, Any], line: Line, warn: Warn) -> None:
    label = line.label.lower()
    if label == "generated":
        facts["generated_at"] = instant_of(line.value)
    elif label == "facility los index":
        try:
            facts["metric_value"] = number_of(line.value)
        except ValueError:
            warn(f"Not a number: {line.value[:40]}")
