"""Intervals of means."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.datasets.queries.aggregate import Groups
from apps.spatial.intervals import Moments, cell_moments, t_quantiles


@pytest.mark.parametrize(
    ("freedom", "level", "expected"),
    [
        (1, 0.95, 12.706204736174698),
        (1, 0.5, 1.0),
        (1, 0.999, 636.6192487687196),
        (2, 0.95, 4.302652729749462),
        (2, 0.5, 0.816496580927726),
        (10, 0.95, 2.2281388519649385),
        (10, 0.99, 3.169272672616872),
        (30, 0.95, 2.0422724563012373),
        (100, 0.999, 3.390491311164303),
        (1_000_000_000, 0.95, 1.959963986912),
    ],
)
def test_quantiles_of_students_t(freedom: int, level: float, expected: float) -> None:
    assert t_quantiles(np.array([freedom]), level)[0] == pytest.approx(expected, rel=1e-9)


@given(st.floats(0.5, 0.999))
def test_two_degrees_of_freedom_have_a_closed_form(level: float) -> None:
    expected = level * np.sqrt(2 / (1 - level * level))
    assert t_quantiles(np.array([2]), level)[0] == pytest.approx(expected, rel=1e-9)


def moments_of(values: list[float], pivot: float) -> Moments:
    d = np.array(values) - pivot
    one = np.array([len(values)])
    groups = Groups(
        cell=np.array([1]), term_no=np.array([0]), count=one, untimed=one, partial=one, n_value=one,
        sum_d=np.array([d.sum()]), sum_d2=np.array([(d * d).sum()]),
        low=np.array([min(values, default=np.nan)]), high=np.array([max(values, default=np.nan)]),
    )  # fmt: skip
    return cell_moments(groups, np.array([0]), pivot)


def test_large_values_of_small_spread_keep_their_interval() -> None:
    moments = moments_of([1e15, 1e15 + 1, 1e15 + 2], pivot=1e15 + 1)
    assert moments.mean[0] == 1e15 + 1
    assert moments.half_widths(0.95)[0] == pytest.approx(4.302652729749462 / np.sqrt(3))


def test_one_value_has_no_interval_and_equal_ones_have_no_width() -> None:
    assert np.isnan(moments_of([0.1], pivot=0.3).half_widths(0.95)[0])
    equal = moments_of([0.1] * 7, pivot=0.3)
    assert equal.half_widths(0.95)[0] == 0
    assert equal.mean[0] == 0.1


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=0, max_size=20),
    st.lists(st.floats(-1e6, 1e6), min_size=0, max_size=20),
)
def test_merged_samples_are_as_if_taken_together(first: list[float], second: list[float]) -> None:
    merged = moments_of(first, pivot=3.0).merged(moments_of(second, pivot=-5.0))
    together = first + second
    assert merged.n[0] == len(together)
    if together:
        scale = max(1.0, *(abs(value) for value in together))
        assert merged.mean[0] == pytest.approx(np.mean(together), abs=1e-9 * scale)
        assert merged.m2[0] == pytest.approx(np.var(together) * len(together), abs=1e-7 * scale**2)
        assert merged.low[0] == min(together)
        assert merged.high[0] == max(together)
