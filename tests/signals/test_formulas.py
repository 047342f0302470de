"""The formulas of the format page, each held against a plain computation of the same."""

import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.signals.formulas import scores, trends
from apps.signals.formulas.arrays import Floats, quantile
from apps.signals.formulas.contributions import contributions
from apps.signals.formulas.facets import aggregate_figures, percentile_trends, trend_figures
from apps.signals.formulas.labels import slope_label, z_label
from apps.signals.formulas.nodes import aggregate_node

NAN = float("nan")
numbers = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40)


def column(*values: float) -> Floats:
    return np.array(values, dtype=np.float64)


def months(rows: int, periods: int = 12) -> Floats:
    return np.random.default_rng(7).normal(1, 0.2, (rows, periods))


@given(numbers)
def test_simple_z_is_the_distance_from_the_mean_in_floored_deviations(found: list[float]) -> None:
    spread = max(statistics.pstdev(found), 0.01)
    expected = [(value - statistics.fmean(found)) / spread for value in found]
    assert scores.simple_z(column(*found), 0.01) == pytest.approx(expected, abs=1e-6, rel=1e-6)


@given(numbers)
def test_robust_z_is_the_distance_from_the_median_in_floored_deviations(found: list[float]) -> None:
    middle = statistics.median(found)
    mad = 1.4826 * statistics.median(abs(value - middle) for value in found)
    expected = [(value - middle) / max(mad, 0.01) for value in found]
    assert scores.robust_z(column(*found)) == pytest.approx(expected, abs=1e-6, rel=1e-6)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=30))
def test_percentile_rank_counts_half_of_the_ties(found: list[int]) -> None:
    expected = [
        (sum(other < value for other in found) + found.count(value) / 2) / len(found) * 100 for value in found
    ]
    assert scores.percentile_rank(column(*found)) == pytest.approx(expected)


def test_nulls_are_no_peers() -> None:
    found = column(1.0, NAN, 3.0, 2.0)
    assert scores.percentile_rank(found) == pytest.approx([100 / 6, NAN, 500 / 6, 50], nan_ok=True)
    assert scores.simple_z(found, 0.01)[3] == 0
    assert scores.robust_z(found)[3] == 0


@pytest.mark.parametrize("peers", [14, 15])
def test_few_peers_suppress_scores_but_not_the_facet(peers: int) -> None:
    found = aggregate_figures(np.arange(peers, dtype=np.float64))
    assert np.isnan(found.simple_z).all() == np.isnan(found.percentile_rank).all() == (peers < 15)
    assert found.mean == (peers - 1) / 2


def test_a_month_with_few_values_has_no_scores() -> None:
    values = months(10)
    values[3, 5] = NAN
    found = trend_figures(values)
    assert np.isnan(found.simple.per_period[:, 5]).all()
    assert not np.isnan(np.delete(found.simple.per_period, 5, axis=1)).any()
    assert found.simple.mean == pytest.approx(np.nanmean(found.simple.per_period, axis=1))


def test_equal_peers_are_divided_by_the_floor() -> None:
    found = aggregate_figures(np.full(20, 3.0))
    assert (found.simple_z == 0).all()
    assert (found.robust_z == 0).all()
    assert (found.percentile_rank == 50).all()


def test_slope_keeps_the_place_of_gaps() -> None:
    values = months(4)
    values[1, [0, 4, 7]] = NAN
    values[2, 5:] = NAN
    found = trends.slope(values)
    for row in (0, 1, 3):
        there = ~np.isnan(values[row])
        assert found[row] == pytest.approx(np.polyfit(np.arange(12)[there], values[row][there], 1)[0])
    assert np.isnan(found[2])


def test_acceleration_wants_all_of_the_last_twelve_months() -> None:
    values = months(3, 14)
    values[1, 0] = NAN
    values[2, 2] = NAN
    found = trends.acceleration(values)
    for row in (0, 1):
        last = np.polyfit(np.arange(6), values[row, 8:], 1)[0]
        before = np.polyfit(np.arange(6), values[row, 2:8], 1)[0]
        assert found[row] == pytest.approx(last - before)
    assert np.isnan(found[2])
    assert np.isnan(trends.acceleration(months(2, 11))).all()


def test_end_start_delta_is_of_the_outermost_values() -> None:
    found = trends.end_start_delta(
        np.array([[NAN, 1, 2, 5, 9], [NAN, 1, NAN, NAN, 4], [1, NAN, NAN, NAN, NAN]])
    )
    assert found == pytest.approx([7 - 1.5, 0, NAN], nan_ok=True)


def test_classification_inputs_are_of_the_scores_over_time() -> None:
    found = trend_figures(months(12))
    assert found.zscore_std == pytest.approx(found.simple.per_period.std(axis=1))
    assert found.max_abs_deviation == pytest.approx(np.abs(found.simple.per_period).max(axis=1))
    assert found.slope_percentile == pytest.approx(scores.percentile_rank(found.slope))


@given(numbers, st.floats(0, 1))
def test_quantiles_interpolate_linearly(found: list[float], share: float) -> None:
    expected = float(np.quantile(found, share))
    assert quantile(column(*found), share) == pytest.approx(expected, abs=1e-6, rel=1e-9)


def test_percentile_trends_leave_nulls_out() -> None:
    values = months(30)
    values[4, 2] = NAN
    found = percentile_trends(values)
    assert list(found) == ["p10", "p25", "p50", "p75", "p90"]
    assert found["p25"] == pytest.approx(np.nanpercentile(values, 25, axis=0))


def test_facets_do_not_see_each_other() -> None:
    rng = np.random.default_rng(3)
    values, facets = rng.normal(0, 1, 60), rng.integers(0, 3, 60)
    found = aggregate_node(values, facets)
    for facet in range(3):
        rows = facets == facet
        alone = aggregate_figures(values[rows])
        assert found.methods["simple_zscore"]["simple_zscore"][rows] == pytest.approx(
            alone.simple_z, nan_ok=True
        )
        assert found.facets[facet].mean == pytest.approx(alone.mean)


def test_contributions_sum_to_one_and_excess_to_zero() -> None:
    parents = np.array([0, 0, 1, 1, 1, 2])
    found = contributions(column(1, 2, 3, 4, 5, 0), column(10, 30, 1, 1, 2, 5), parents)
    assert np.bincount(parents, found.weight_share) == pytest.approx([1, 1, 1])
    assert np.bincount(parents, found.excess_over_parent) == pytest.approx([0, 0, 0])
    assert found.parent_value == pytest.approx([1.75, 1.75, 4.25, 4.25, 4.25, 0])
    assert np.bincount(parents, found.contribution_value)[:2] == pytest.approx([1, 1])
    # Nothing can be a share of a value of zero.
    assert np.isnan(found.contribution_value[5])


@pytest.mark.parametrize(
    ("z", "label"),
    [
        (None, "no_score"),
        (0.49, "normal"),
        (-0.5, "slightly_low"),
        (1.0, "moderately_high"),
        (-2.0, "very_low"),
        (3.0, "extremely_high"),
    ],
)
def test_scores_have_words(z: float | None, label: str) -> None:
    assert z_label(z) == label


@pytest.mark.parametrize(
    ("percentile", "label"),
    [
        (None, "no_score"),
        (4.9, "extremely_low"),
        (5, "very_low"),
        (10, "moderately_low"),
        (20, "slightly_low"),
        (40, "normal"),
        (60, "normal"),
        (60.1, "slightly_high"),
        (80, "moderately_high"),
        (90, "very_high"),
        (95, "extremely_high"),
    ],
)
def test_slope_percentiles_have_words(percentile: float | None, label: str) -> None:
    assert slope_label(percentile) == label


def test_direction_and_momentum_have_words() -> None:
    assert [trends.trend_direction(value) for value in (0.1, 0.0, None)] == ["increasing", "decreasing", None]
    assert [trends.momentum(value) for value in (0.1, 0.0, None)] == ["gaining", "slowing", None]
