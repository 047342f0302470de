"""What the rules read of an entity, as its file has it and turned so that higher is worse."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, TypeAlias

from apps.signals import states

# One enumeration for rows and rules.
SignalType: TypeAlias = states.SignalType
# Divisors below this are replaced by it: no division by a spread of zero.
STD_FLOOR: Final = 0.01


class Polarity(StrEnum):
    """Which direction of a metric is good."""

    LOWER_IS_BETTER = "lower_is_better"
    HIGHER_IS_BETTER = "higher_is_better"
    NEUTRAL = "neutral"


@dataclass(frozen=True, slots=True)
class Inputs:
    """The figures of one entity, as its files have them (not turned by polarity); None where there is none.

    `mean_z` is mean_simple_zscore of the temporal row, or simple_zscore of the aggregate row where there is
    no temporal one (then slope_percentile to observations are None). `acceleration` is already divided by
    the peers' spread (`scaled_acceleration`); `zscore_std` and `max_excursion` are of the per-period simple z
    (`spread_of`); percentiles are 0 to 100.
    """

    mean_z: float | None = None
    slope_percentile: float | None = None
    acceleration: float | None = None
    zscore_std: float | None = None
    max_excursion: float | None = None
    observations: int | None = None
    suppressed: bool = False
    polarity: Polarity = Polarity.LOWER_IS_BETTER
    percentile_rank: float | None = None
    encounters_rank: float | None = None

    def oriented(self) -> "Inputs":
        """Return the same figures with higher = worse: Z and A change sign, percentiles become 100 - p."""
        if self.polarity is not Polarity.HIGHER_IS_BETTER:
            return self
        return replace(
            self,
            mean_z=_negated(self.mean_z),
            acceleration=_negated(self.acceleration),
            slope_percentile=_mirrored(self.slope_percentile),
            percentile_rank=_mirrored(self.percentile_rank),
        )


def scaled_acceleration(acceleration: float | None, peer_std: float | None) -> float | None:
    """Return A: acceleration / max(peer_std, 0.01), in peer standard deviations per period."""
    if acceleration is None or peer_std is None:
        return None
    return acceleration / max(peer_std, STD_FLOOR)


def spread_of(per_period_z: list[float | None], mean_z: float | None) -> tuple[float | None, float | None]:
    """Return (S, X): population std of the per-period z, and the largest distance of one from their mean."""
    present = [z for z in per_period_z if z is not None]
    if not present or mean_z is None:
        return None, None
    center = sum(present) / len(present)
    variance = sum((z - center) ** 2 for z in present) / len(present)
    return variance**0.5, max(abs(z - mean_z) for z in present)


def _negated(value: float | None) -> float | None:
    return None if value is None else -value


def _mirrored(value: float | None) -> float | None:
    return None if value is None else 100.0 - value
