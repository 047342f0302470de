"""What a narrative holds (signals-artifacts.md section 5). A null was not written, or not understood.

Weights and cumulative shares are percents as written (30.0 for `30.0%`).
"""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SummaryItem:
    """One line of the executive summary: `[Dimension] Segment: +0.0800, trend [flag]`."""

    dimension: str
    segment: str
    excess: float
    trend: str
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExecutiveSummary:
    """How many segments were looked at, and which weigh most in either direction."""

    total_segments: int | None = None
    facility_segments: int | None = None
    pareto_insight: str | None = None
    higher: tuple[SummaryItem, ...] = ()
    lower: tuple[SummaryItem, ...] = ()


@dataclass(frozen=True, slots=True)
class MetricComparison:
    """One other metric of the facility beside its peers."""

    metric_name: str
    value: float | None
    z_score: float | None
    peer_status: str | None


@dataclass(frozen=True, slots=True)
class ParetoItem:
    """One bar: the segment, its excess, and the share reached with it."""

    segment: str
    excess: float
    cumulative_pct: float


@dataclass(frozen=True, slots=True)
class ParetoAnalysis:
    """Segments by size until most of the excess is explained."""

    positive: tuple[ParetoItem, ...] = ()
    negative: tuple[ParetoItem, ...] = ()
    top_n_positive_pct: float | None = None
    top_n_negative_pct: float | None = None


@dataclass(frozen=True, slots=True)
class Driver:
    """One row of the top drivers."""

    rank: int | None
    dimension: str | None
    segment: str
    value: float | None
    weight: float | None
    excess: float | None
    trend: str | None
    slope_percentile: float | None
    mean_z: float | None
    z_score: float | None
    peer_status: str | None
    multi_kpi: str | None
    interpretation: str | None
    cumulative_pct: float | None


@dataclass(frozen=True, slots=True)
class TopDrivers:
    """The drivers of a longer and of a shorter stay."""

    higher: tuple[Driver, ...] = ()
    lower: tuple[Driver, ...] = ()


@dataclass(frozen=True, slots=True)
class Insight:
    """One segment whose excess stands beside how its peers do."""

    segment: str
    excess: float
    z_score: float | None
    peer_status: str | None


@dataclass(frozen=True, slots=True)
class Insights:
    """Excess that is unusual among peers too, and excess that is not."""

    double_trouble: tuple[Insight, ...] = ()
    internal_issue: tuple[Insight, ...] = ()


@dataclass(frozen=True, slots=True)
class BreakdownRow:
    """A service line with its sub-service lines."""

    level: str
    segment: str
    value: float | None
    weight: float | None
    excess: float | None
    z_score: float | None
    peer_status: str | None
    interpretation: str | None
    children: tuple["BreakdownRow", ...] = ()


@dataclass(frozen=True, slots=True)
class Narrative:
    """A whole narrative; `warnings` says what is missing or was not understood, in the order of the text."""

    facility_id: str | None = None
    metric_value: float | None = None
    generated_at: dt.datetime | None = None
    executive_summary: ExecutiveSummary = ExecutiveSummary()
    cross_metric_comparison: tuple[MetricComparison, ...] = ()
    pareto_analysis: ParetoAnalysis = ParetoAnalysis()
    top_drivers: TopDrivers = TopDrivers()
    insights: Insights = Insights()
    hierarchical_breakdown: tuple[BreakdownRow, ...] = ()
    warnings: tuple[str, ...] = ()
