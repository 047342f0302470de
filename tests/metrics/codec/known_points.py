"""Strategies and exact references for the codec's tests."""

from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from apps.metrics.codec.arrays import Float64s, Int64s

HOUR_US = 3_600_000_000

# Magnitudes near each other, far apart, subnormal; equal ones and opposite ones are likely.
finite = st.one_of(
    st.integers(-5, 5).map(float),
    st.floats(-1e290, 1e290, allow_nan=False),
    st.floats(-1e6, 1e6, allow_nan=False, width=32),
    st.floats(-1e-300, 1e-300, allow_nan=False),
    st.sampled_from([1e16, -1e16, 1.0, 2.0**-1074, -(2.0**-1074), 1e290, -1e290, 2.0**53, 1e-290, -1e-290]),
).map(lambda value: value + 0.0)


def exact_parts(values: list[float]) -> tuple[float, ...]:
    """Return the parts of a sum by rational arithmetic; converting a Fraction rounds half to even."""
    rest = sum(map(Fraction, values), Fraction(0))
    parts = []
    while rest:
        parts.append(float(rest))
        rest -= Fraction(parts[-1])
    return tuple(parts) or (0.0,)


def grouped(groups: list[list[float]]) -> tuple[Float64s, Int64s]:
    """Return groups as values and first places."""
    sizes = np.array([len(group) for group in groups], dtype=np.int64)
    return np.array([value for group in groups for value in group]), np.cumsum(sizes) - sizes


def by_number_time_value(numbers: Int64s, times: Int64s, values: Float64s) -> tuple[Int64s, Int64s, Float64s]:
    """Return points as storage orders them."""
    order = np.lexsort((values, times, numbers))
    return numbers[order], times[order], values[order]
