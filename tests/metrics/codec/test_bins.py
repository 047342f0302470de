"""Bins of sketches."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.metrics.codec.bins import BIAS, HIGHEST_K, bin_numbers, bin_values, count_bins
from tests.metrics.codec.known_points import finite, grouped

ALL_BINS = np.arange(-BIAS - HIGHEST_K, BIAS + HIGHEST_K + 1)


def bound(k: int) -> float:
    """Return B(k) by rational arithmetic."""
    return float(Fraction(101, 99) ** k)


# The ends, the middle, and between; none over 1e290, where no value has a bin.
KS = [-33_386, -33_000, -12_345, -1_000, -64, -2, -1, 0, 1, 2, 35, 64, 1_001, 20_000, 33_000, 33_386]


@pytest.mark.parametrize("k", KS)
def test_a_bin_ends_exactly_at_its_bound(k: int) -> None:
    end = bound(k)
    just_above = np.nextafter(end, np.inf)
    assert bin_numbers(np.array([end, just_above])).tolist() == [k + BIAS, k + 1 + BIAS]
    assert bin_numbers(np.array([-end, -just_above])).tolist() == [-k - BIAS, -k - 1 - BIAS]


@pytest.mark.parametrize("k", KS)
def test_a_bin_reads_as_99_hundredths_of_its_bound(k: int) -> None:
    assert bin_values(np.array([k + BIAS, -k - BIAS])).tolist() == [0.99 * bound(k), -0.99 * bound(k)]


def test_every_bound_lies_in_the_bin_it_ends() -> None:
    used = ALL_BINS[np.abs(bin_values(ALL_BINS)) / 0.99 < 1e290]
    used = used[(np.abs(bin_values(used)) > 1e-290) | (used == 0)]
    # 0.99 of the bound lies half way down its bin.
    assert (bin_numbers(bin_values(used)) == used).all()
    assert len(used) > 130_000


@given(st.lists(finite, min_size=1))
def test_numbers_follow_values_and_bins_read_within_one_percent(values: list[float]) -> None:
    ordered = np.sort(values)
    numbers = bin_numbers(ordered)
    assert (np.diff(numbers) >= 0).all()
    counted = np.abs(ordered) >= 1e-290
    read = bin_values(numbers[counted])
    assert (np.abs(read - ordered[counted]) <= 0.010000000000001 * np.abs(ordered[counted])).all()
    assert (numbers[~counted] == 0).all()


def test_what_is_nearer_to_zero_than_the_smallest_magnitude_is_zero() -> None:
    below = np.nextafter(1e-290, 0)
    assert bin_numbers(np.array([0.0, below, -below, 5e-324])).tolist() == [0, 0, 0, 0]
    assert (bin_numbers(np.array([1e-290, 1e290])) > 0).all()
    assert (bin_numbers(np.array([-1e-290, -1e290])) < 0).all()
    assert bin_values(np.array([0])).tolist() == [0.0]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_what_has_no_bin_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="1e290"):
        bin_numbers(np.array([1.0, value]))


@given(st.lists(st.lists(finite, min_size=1), min_size=1, max_size=6), st.integers(1, 3))
def test_bins_are_counted_by_group(groups: list[list[float]], weight: int) -> None:
    values, starts = grouped(groups)
    bins = bin_numbers(values)
    expected = [np.unique(part, return_counts=True) for part in np.split(bins, starts[1:])]
    counted = count_bins(bins, starts)
    assert counted.bins.tolist() == np.concatenate([part for part, _ in expected]).tolist()
    assert counted.counts.tolist() == np.concatenate([counts for _, counts in expected]).tolist()
    assert counted.starts.tolist() == np.cumsum([0, *(len(part) for part, _ in expected)])[:-1].tolist()
    weighted = count_bins(bins, starts, np.full(len(bins), weight))
    assert weighted.counts.tolist() == (weight * counted.counts).tolist()


@pytest.mark.parametrize("spread", [1, 50, 660])
@pytest.mark.parametrize("group_count", [1, 300, 30_000])
def test_all_ways_of_counting_agree(spread: float, group_count: int) -> None:
    rng = np.random.default_rng(7)
    values = np.exp(rng.uniform(-spread, spread, 60_000)) * rng.choice([-1, 1], 60_000)
    starts = np.arange(group_count) * (60_000 // group_count)
    bins = bin_numbers(values)
    keys = np.searchsorted(starts, np.arange(60_000), side="right") << 32 | (bins + (1 << 20))
    expected, expected_counts = np.unique(keys, return_counts=True)
    weights = np.full(60_000, 3)
    for counted, factor in ((count_bins(bins, starts), 1), (count_bins(bins, starts, weights), 3)):
        assert (counted.bins == (expected & 0xFFFFFFFF) - (1 << 20)).all()
        assert (counted.counts == factor * expected_counts).all()
        assert (counted.starts == np.searchsorted(expected >> 32, np.arange(1, group_count + 1))).all()
