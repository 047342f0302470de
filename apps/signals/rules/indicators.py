"""Labels beside the type: position, trend, momentum, consistency, spike, and the three tiers."""

from dataclasses import dataclass
from typing import Final

from apps.signals.rules.inputs import Inputs
from apps.signals.rules.severity import Part, band_of, factor_label

SPIKE: Final = 3.0

# By the percentile rank with higher = worse.
MAGNITUDE_TIERS: Final[tuple[Part, ...]] = (
    Part("magnitude", 10, "excellent", 0),
    Part("magnitude", 25, "favorable", 0),
    Part("magnitude", 75, "expected", 0),
    Part("magnitude", 85, "marginal", 0),
    Part("magnitude", 95, "elevated", 0),
    Part("magnitude", 99, "severe", 0),
    Part("magnitude", None, "critical", 0),
)
# (tier, S below, n at least): the first that holds; else transient.
CONSISTENCY_TIERS: Final = (("persistent", 0.9, 6), ("variable", 1.1, 3))
TRANSIENT: Final = "transient"


@dataclass(frozen=True, slots=True)
class Indicators:
    """The labels of an entity; None where the input is null (a null P is stable, a null A neutral)."""

    position: str | None
    trend: str
    momentum: str
    consistency: str | None
    has_spike: bool
    magnitude_tier: str | None
    trajectory_tier: str
    consistency_tier: str


def indicators_of(oriented: Inputs) -> Indicators:
    """Return the labels of figures with higher = worse."""
    trend = factor_label("trend", oriented) or ""
    return Indicators(
        position=factor_label("position", oriented),
        trend=trend,
        momentum=factor_label("momentum", oriented) or "",
        consistency=factor_label("consistency", oriented),
        has_spike=oriented.max_excursion is not None and oriented.max_excursion >= SPIKE,
        magnitude_tier=_magnitude(oriented.percentile_rank),
        trajectory_tier=trend,
        consistency_tier=_consistency(oriented.zscore_std, oriented.observations),
    )


def _magnitude(rank: float | None) -> str | None:
    return None if rank is None else band_of(MAGNITUDE_TIERS, rank).label


def _consistency(std: float | None, observations: int | None) -> str:
    if std is None or observations is None:
        return TRANSIENT
    for tier, below, at_least in CONSISTENCY_TIERS:
        if std < below and observations >= at_least:
            return tier
    return TRANSIENT
