"""The words for z scores and slope percentiles."""

from typing import Final

NO_SCORE: Final = "no_score"
NORMAL: Final = "normal"
# Absolute z below the bound; beyond the last one "extremely".
Z_BANDS: Final = ((0.5, NORMAL), (1.0, "slightly"), (2.0, "moderately"), (3.0, "very"))
# Below the bound, but 60 is still normal.
SLOPE_BANDS: Final = (
    (5.0, "extremely_low"),
    (10.0, "very_low"),
    (20.0, "moderately_low"),
    (40.0, "slightly_low"),
)
SLOPE_BANDS_HIGH: Final = ((80.0, "slightly_high"), (90.0, "moderately_high"), (95.0, "very_high"))
NORMAL_UP_TO: Final = 60.0


def z_label(z: float | None) -> str:
    """Return the word for a z score: "moderately_high", "normal", "no_score"."""
    if z is None:
        return NO_SCORE
    size = abs(z)
    word = next((word for bound, word in Z_BANDS if size < bound), "extremely")
    return word if word == NORMAL else f"{word}_{'high' if z > 0 else 'low'}"


def slope_label(percentile: float | None) -> str:
    """Return the word for a slope percentile (0..100)."""
    if percentile is None:
        return NO_SCORE
    low = next((word for bound, word in SLOPE_BANDS if percentile < bound), None)
    if low is not None:
        return low
    if percentile <= NORMAL_UP_TO:
        return NORMAL
    return next((word for bound, word in SLOPE_BANDS_HIGH if percentile < bound), "extremely_high")
