"""Narratives of facilities: Markdown with the contributions of their service lines to the LOS index."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from apps.signals.formulas.labels import z_label
from apps.signals.formulas.nodes import NodeFigures
from apps.signals.sampling import names
from apps.signals.sampling.lines import Json, column
from apps.signals.sampling.values import Panel

FACILITIES: Final = 20
UNUSUAL: Final = 1.0


@dataclass(frozen=True, slots=True)
class Segment:
    """A service line of a facility: contribution figures and its standing among its peers."""

    name: str
    value: float
    parent: float
    share: float
    excess: float
    z: float | None
    slope_percentile: float | None
    mean_z: float | None

    @property
    def status(self) -> str:
        """Return the peer status in words."""
        return z_label(self.z).replace("_", " ")

    @property
    def arrow(self) -> str:
        """Return the trend as the tables show it."""
        percent = (self.slope_percentile if self.slope_percentile is not None else 50.0) - 50.0
        return f"{'↑' if percent > 0 else '↓'} {percent:+.0f}%"

    @property
    def distance(self) -> str:
        """Return how far its stay is from the facility's, in words."""
        percent = (self.value / self.parent - 1.0) * 100.0 if self.parent else 0.0
        return f"{abs(percent):.0f}% {'longer' if percent > 0 else 'shorter'} than parent"


def segments_by_facility(
    child: Panel, aggregate: NodeFigures, temporal: NodeFigures, contributions: list[Json]
) -> dict[str, list[Segment]]:
    """Return the segments of each facility that `contributions` (lines of a file) speak of."""
    zs = column(aggregate.methods["simple_zscore"]["simple_zscore"])
    ranks = column(temporal.methods["slope_percentile"]["slope_percentile"])
    means = column(temporal.methods["trending_simple_zscore"]["mean_simple_zscore"])
    places = {
        (names.facility_id(facility), child.segments[facet]): place
        for place, (facility, facet) in enumerate(
            zip(child.facility.tolist(), child.facet.tolist(), strict=True)
        )
    }
    found: dict[str, list[Segment]] = {}
    for line in contributions:
        facility, name = line["child_entity"].values()
        place = places[facility, name]
        segment = Segment(
            name=name,
            value=line["child_value"],
            parent=line["parent_value"],
            share=line["weight_share"],
            excess=line["excess_over_parent"],
            z=zs[place],
            slope_percentile=ranks[place],
            mean_z=means[place],
        )
        found.setdefault(facility, []).append(segment)
    return found


def narrative(facility: str, segments: list[Segment], generated_at: datetime) -> str:
    """Return the Markdown of one facility."""
    ranked = sorted(segments, key=lambda segment: -segment.excess)
    higher = [segment for segment in ranked if segment.excess > 0]
    lower = [segment for segment in reversed(ranked) if segment.excess < 0]
    parts = [
        f"# Contribution Analysis: Medicare ID {facility}\n",
        f"**Facility LOS Index**: {segments[0].parent:.4f}",
        f"**Generated**: {generated_at:%Y-%m-%d %H:%M:%S} UTC\n",
        *_executive_summary(segments, higher, lower),
        *_comparison(segments),
        *_pareto(higher, lower),
        *_drivers("Higher LOS (Positive Excess)", higher),
        *_drivers("Lower LOS (Negative Excess)", lower),
        *_insights(higher),
        *_hierarchy(ranked),
    ]
    return "\n".join([*parts, ""])


def _executive_summary(segments: list[Segment], higher: list[Segment], lower: list[Segment]) -> list[str]:
    few = min(2, len(higher))
    lines = [
        "## Executive Summary\n",
        f"**Total segments analyzed**: {len(segments)} ({len(segments)} facility-level)",
        f"**Pareto Insight**: Top {few} segments account for {_top(higher, 2):.0f}% of positive excess\n",
    ]
    for title, group in (("HIGHER", higher), ("LOWER", lower)):
        lines.append(f"**Top contributors to {title} LOS**")
        lines += [
            f"  - [Service] {each.name}: {each.excess:+.4f}, {each.arrow}{_flag(each)}" for each in group[:3]
        ]
        lines.append("")
    return lines


def _flag(segment: Segment) -> str:
    return " [unusual]" if segment.z is not None and abs(segment.z) >= UNUSUAL else ""


def _comparison(segments: list[Segment]) -> list[str]:
    mean = sum(each.z or 0.0 for each in segments) / len(segments)
    return [
        "## Cross-Metric Peer Comparison\n",
        "| Metric | Value | Z-Score | Peer Status |",
        "|-----|-----|-----|-----|",
        f"| LOS Index | {segments[0].parent:.3f} | {mean:+.2f} | {z_label(mean).replace('_', ' ')} |\n",
    ]


def _pareto(higher: list[Segment], lower: list[Segment]) -> list[str]:
    lines = ["## Pareto Analysis: Cumulative Impact\n"]
    for title, word, group in (("Adding to", "positive", higher), ("Reducing", "negative", lower)):
        lines += [f"### Segments {title} LOS", "```"]
        lines += [
            f"{_bar(_top(group, place))}  {_top(group, place):5.1f}% | {each.name} ({each.excess:+.4f})"
            for place, each in enumerate(group, 1)
        ]
        lines += [f"[Top {min(2, len(group))} = {_top(group, 2):.0f}% of total {word} excess]", "```"]
    return [*lines, ""]


def _top(group: list[Segment], count: int) -> float:
    """Return the share of the first `count` segments in the excess of all, in percent."""
    total = sum(each.excess for each in group)
    return 100.0 * sum(each.excess for each in group[:count]) / total if total else 0.0


def _bar(percent: float) -> str:
    full = round(percent / 10)
    return "▓" * full + "░" * (10 - full)


DRIVER_COLUMNS: Final = (
    "Rank",
    "Dimension",
    "Segment",
    "LOS Index (Agg)",
    "Weight",
    "Excess (Agg)",
    "Trend (12mo)",
    "Slope %ile",
    "Mean Z (12mo)",
    "Z (Agg)",
    "Peer Status",
    "Multi-KPI",
    "Interpretation",
)


def _drivers(title: str, group: list[Segment]) -> list[str]:
    lines = [
        f"## Top Drivers of {title}\n",
        _row(DRIVER_COLUMNS),
        "|" + "---|" * len(DRIVER_COLUMNS),
    ]
    for rank, each in enumerate(group[:10], 1):
        cells = (
            str(rank),
            "Service",
            each.name,
            f"{each.value:.3f}",
            f"{each.share:.1%}",
            f"{each.excess:+.4f}",
            each.arrow,
            "-" if each.slope_percentile is None else f"{each.slope_percentile:.0f}",
            "-" if each.mean_z is None else f"{each.mean_z:+.2f}",
            "-" if each.z is None else f"{each.z:+.2f}",
            each.status,
            "-",
            f"{each.distance} [Cum:{_top(group, rank):.0f}%]",
        )
        lines.append(_row(cells))
    return [*lines, ""]


def _row(cells: tuple[str, ...]) -> str:
    # A bar within a cell would start another one.
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _insights(higher: list[Segment]) -> list[str]:
    unusual = [each for each in higher if _flag(each)]
    internal = [each for each in higher if not _flag(each)]
    lines = ["## Insights: Internal vs External Comparison\n"]
    for title, group in (
        ("Double Trouble (High Excess + Unusual vs Peers)", unusual),
        ("Internal Issue (High Excess, Normal vs Peers)", internal),
    ):
        lines.append(f"### {title}")
        lines += [
            f"- **{each.name}**: excess {each.excess:+.4f}, z={each.z or 0.0:+.2f} ({each.status})"
            for each in group
        ]
        lines.append("")
    return lines


def _hierarchy(ranked: list[Segment]) -> list[str]:
    lines = [
        "## Hierarchical Contribution Breakdown\n",
        "| Level | Segment | Value | Weight | Excess | Z-Score | Peer Status | Interpretation |",
        "|" + "---|" * 8,
    ]
    for each in ranked:
        cells = ("SL", each.name, f"{each.value:.3f}", f"{each.share:.1%}", f"{each.excess:+.4f}")
        more = ("-" if each.z is None else f"{each.z:+.2f}", each.status, each.distance)
        lines.append(_row(tuple(f"**{cell}**" for cell in (*cells, *more))))
    return lines
