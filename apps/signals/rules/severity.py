"""How bad a signal is within its type: a base and five adjustments. Seed `severity_parts` is the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from apps.signals.rules.inputs import Inputs, SignalType
from apps.signals.rules.table import Rule


@dataclass(frozen=True, slots=True)
class Part:
    """A band of one factor: values below `below` (or equal, if `inclusive`), the last band without end."""

    factor: str
    below: float | None
    label: str
    adjustment: int
    inclusive: bool = False

    def holds(self, value: float) -> bool:
        """Tell whether the value is not past the end of the band."""
        return self.below is None or value < self.below or (self.inclusive and value == self.below)


@dataclass(frozen=True, slots=True)
class Refinement:
    """What one factor adds to the base, and the label of its band as the reason."""

    factor: str
    adjustment: int
    reason: str


@dataclass(frozen=True, slots=True)
class SeverityCalculation:
    """Base + adjustments, clamped to the range of the type = final."""

    base: int
    refinements: tuple[Refinement, ...]
    final: int


# In the order of the calculation; bands of one factor from low to high, of figures with higher = worse.
SEVERITY_PARTS: Final[tuple[Part, ...]] = (
    Part("position", -1.5, "excellent", -2),
    Part("position", -0.5, "favorable", -1),
    Part("position", 0.5, "normal", 0),
    Part("position", 1, "marginal", 1),
    Part("position", 2, "elevated", 2),
    Part("position", None, "severe", 3),
    Part("trend", 10, "rapidly_improving", -2),
    Part("trend", 30, "improving", -1),
    Part("trend", 70, "stable", 0),
    Part("trend", 90, "worsening", 1),
    Part("trend", None, "rapidly_worsening", 2),
    Part("momentum", -0.025, "decelerating", -1),
    Part("momentum", 0.025, "neutral", 0, inclusive=True),
    Part("momentum", None, "accelerating", 1),
    Part("consistency", 0.5, "consistent", 0),
    Part("consistency", None, "variable", 1),
    Part("volume", 10, "low_volume", -1),
    Part("volume", 90, "usual_volume", 0),
    Part("volume", None, "high_volume", 1),
)
# The field of `Inputs` behind each factor.
FACTORS: Final = {
    "position": "mean_z",
    "trend": "slope_percentile",
    "momentum": "acceleration",
    "consistency": "zscore_std",
    "volume": "encounters_rank",
}
# What a factor is called where its input is null; the others have no label then.
NULL_LABELS: Final = {"trend": "stable", "momentum": "neutral"}
NO_VALUE: Final = "no_value"


_BANDS: Final[Mapping[str, tuple[Part, ...]]] = {
    factor: tuple(part for part in SEVERITY_PARTS if part.factor == factor) for factor in FACTORS
}


def band_of(bands: Sequence[Part], value: float) -> Part:
    """Return the band, of those of one factor, that the value lies in."""
    return next(part for part in bands if part.holds(value))


def factor_label(factor: str, oriented: Inputs) -> str | None:
    """Return the label of a factor: "elevated"; None where its input is null and null has no label."""
    value = getattr(oriented, FACTORS[factor])
    return NULL_LABELS.get(factor) if value is None else band_of(_BANDS[factor], value).label


def calculate_severity(rule: Rule, oriented: Inputs) -> SeverityCalculation:
    """Return the severity of figures (higher = worse) that the rule decided; suspect data is not refined."""
    if rule.type is SignalType.SUSPECT_DATA:
        return SeverityCalculation(rule.base, (), rule.base)
    refinements = tuple(_refine(factor, oriented) for factor in FACTORS)
    total = rule.base + sum(each.adjustment for each in refinements)
    return SeverityCalculation(rule.base, refinements, min(max(total, rule.low), rule.high))


def _refine(factor: str, oriented: Inputs) -> Refinement:
    value = getattr(oriented, FACTORS[factor])
    if value is None:
        return Refinement(factor, 0, NULL_LABELS.get(factor, NO_VALUE))
    part = band_of(_BANDS[factor], value)
    return Refinement(factor, part.adjustment, part.label)
