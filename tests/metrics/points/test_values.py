"""Which numbers are values."""

import numpy as np

from apps.metrics.points.values import counter_faults, value_faults, without_minus_zero


def test_values_are_finite_and_at_most_1e290() -> None:
    values = np.array([0.0, 1e290, -1e290, 1.0001e290, np.inf, -np.inf, np.nan, 5e-324])
    assert value_faults(values).tolist() == [False, False, False, True, True, True, True, False]


def test_amounts_are_whole_numbers_from_1_to_the_largest_exact_one() -> None:
    values = np.array([1, 2.0**53 - 1, 2.0**53, 0, -1, 1.5, np.nan, np.inf])
    assert counter_faults(values).tolist() == [False, False, True, True, True, True, True, True]


def test_there_is_one_zero() -> None:
    assert not np.signbit(without_minus_zero(np.array([-0.0, 0.0]))).any()
