"""Values of points: metrics.md section 1."""

import re
from typing import Final

import numpy as np
import numpy.typing as npt

from apps.metrics.points.batch import Values

VALUE_MAX: Final = 1e290
COUNT_MAX: Final = 2**53 - 1
COUNT_DEFAULT: Final = 1.0

_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?")


def value_faults(values: Values) -> npt.NDArray[np.bool_]:
    """Mark what cannot be stored: NaN, infinities and what is beyond 1e290."""
    faults: npt.NDArray[np.bool_] = np.logical_not(np.abs(values) <= VALUE_MAX)
    return faults


def counter_faults(values: Values) -> npt.NDArray[np.bool_]:
    """Mark what is no amount of a counter in our own API: not a whole number of 1 to 2^53 - 1."""
    is_amount = (values >= 1) & (values <= COUNT_MAX) & (values == np.floor(values))
    faults: npt.NDArray[np.bool_] = np.logical_not(is_amount)
    return faults


def without_minus_zero(values: Values) -> Values:
    """Return the values with 0.0 in place of -0.0."""
    return values + 0.0


def number_of_text(text: str) -> float | None:
    """Return a decimal number as foreign protocols write it, None for what is none; may be infinite.

    Python itself reads more: `nan`, `1_000` and the digits of other scripts.
    """
    return float(text) if _DECIMAL.fullmatch(text) else None
