"""The rolling origin looks at nothing that comes after it, and its scores are what they are called."""

import json
from datetime import date

import h3.api.basic_int as h3
import numpy as np
import pytest

from apps.datasets.queries import Floats, Int64s
from apps.spatial.forecasting.boosting import Hyperparameters
from apps.spatial.forecasting.calendar import following_starts, whole_periods
from apps.spatial.forecasting.panel import (
    Counts,
    HistoryTooShort,
    Panel,
    PanelTooLarge,
    check_history,
    check_size,
    connected_groups,
    make_panel,
    occupied_with_ring,
)
from apps.spatial.forecasting.rolling import Learner, roll
from apps.spatial.forecasting.scoring import Trial, choose_method, score
from apps.spatial.forecasting.spread import interval
from apps.spatial.states import Method, Period

PARAMETERS = Hyperparameters(max_iter=50, max_leaf_nodes=4, min_samples_leaf=10)
CELLS = np.array(sorted(h3.grid_disk(h3.latlng_to_cell(51.5, -0.1, 8), 4)), np.int64)
PENTAGON = h3.get_pentagons(8)[0]


def panel_of(matrix: Floats, cells: Int64s = CELLS, period: Period = Period.MONTH) -> Panel:
    starts = following_starts(
        date(2022, 1, 1) if period is Period.MONTH else date(2022, 1, 3), period, matrix.shape[1]
    )
    row, column = np.nonzero(matrix)
    counts = Counts(starts, cells[row], column, matrix[row, column].astype(np.int64))
    return make_panel(counts, cells, period, is_bounded=False)


def some_counts(cells: int = CELLS.size, periods: int = 16) -> Floats:
    random = np.random.default_rng(3)
    return random.poisson(random.gamma(0.5, 2.0, (cells, 1)), (cells, periods)).astype(np.float64)


def trial_of(panel: Panel, first: int) -> Trial:
    learner = Learner.of(panel, PARAMETERS, 0)
    return roll(panel, first, learner.refitted, lambda _done, _number: None)


def test_what_comes_after_an_origin_changes_no_forecast_of_it() -> None:
    matrix = some_counts()
    changed = matrix.copy()
    changed[:, 14:] = np.flipud(changed[:, 14:]) * 5 + 1
    before, after = trial_of(panel_of(matrix), 13), trial_of(panel_of(changed), 13)
    for method, expected in before.expected.items():
        # The periods 13 and 14 are forecast from the periods before 14.
        assert (expected[:, :2] == after.expected[method][:, :2]).all(), method
    assert (before.expected[Method.LAST][:, 2] != after.expected[Method.LAST][:, 2]).any()


def test_a_baseline_that_the_history_does_not_allow_is_left_out() -> None:
    assert Method.LAST_YEAR not in trial_of(panel_of(some_counts()), 11).expected
    assert Method.LAST_YEAR in trial_of(panel_of(some_counts()), 12).expected


def test_hits_are_counted_among_all_events_and_against_the_best_choice() -> None:
    cells = CELLS[:20]
    observed = np.zeros((20, 1))
    observed[:3, 0] = 6, 3, 1
    expected = np.zeros((20, 1))
    expected[1] = 5.0
    trial = Trial(
        ("2024-01-01",), cells, observed, np.array([20.0]), np.zeros((20, 1)), {Method.MEAN: expected}
    )
    found = score(trial)["methods"]["mean"]
    assert found["hit_rate"] == {"1": 0.15, "5": 0.15, "10": 0.45}  # the tie goes to the first by h3
    assert found["pai"]["5"] == pytest.approx(0.15 / 0.05)
    assert found["pei"] == {"1": 0.5, "5": 0.5, "10": 1.0}
    assert found["mae"] == pytest.approx((6 + 2 + 1) / 20)
    assert found["bias"] == pytest.approx(-5 / 20)


def test_a_period_without_events_is_left_out_and_counted() -> None:
    matrix = some_counts()
    matrix[:, -1] = 0
    metrics = score(trial_of(panel_of(matrix), 13))
    assert metrics["empty_periods"] == 1
    assert [each["period"] for each in metrics["methods"]["mean"]["by_period"]] == [
        "2023-02-01",
        "2023-03-01",
    ]


@pytest.mark.parametrize(
    ("matrix", "cells"),
    [
        (np.array([[3.0, 0, 0, 0, 5, 0, 0, 0, 0, 2, 0, 0]]), CELLS[:1]),
        (np.zeros((5, 12)), CELLS[:5]),
        (np.zeros((0, 12)), CELLS[:0]),
        (np.ones((6, 12)), np.array(sorted(h3.grid_disk(PENTAGON, 1)), np.int64)),
    ],
    ids=["one cell with gaps", "no event", "no cell", "a pentagon, all equal"],
)
def test_thin_data_give_defined_numbers_or_null(matrix: Floats, cells: Int64s) -> None:
    """Edge case 23."""
    metrics = score(trial_of(panel_of(matrix, cells), 9))
    json.dumps(metrics, allow_nan=False)
    assert metrics["better"] is False


def method(pei: float | None, deviance: float | None, *wobble: float) -> dict[str, object]:
    """Return the metrics of a method whose deviance differs from the mean by `wobble` in each period."""
    each = [] if deviance is None else [{"deviance": deviance + by} for by in wobble or (0.0, 0.0, 0.0)]
    return {"pei": {"5": pei}, "deviance": deviance, "by_period": each}


def test_better_needs_both_more_hits_and_less_deviance() -> None:
    baselines = {"mean": method(0.5, 2.0), "last": method(0.6, 3.0)}
    assert choose_method({"boosting": method(0.7, 1.9), **baselines}) == (Method.BOOSTING, True)
    assert choose_method({"boosting": method(0.6, 1.0), **baselines}) == (Method.LAST, False)
    assert choose_method({"boosting": method(0.7, 2.1), **baselines}) == (Method.LAST, False)
    assert choose_method({"boosting": method(None, None), **baselines}) == (Method.LAST, False)
    tied = {"mean": method(0.6, 2.0), "last": method(0.6, 3.0)}
    assert choose_method(tied) == (Method.MEAN, False)


def test_a_gain_that_chance_would_give_as_well_is_not_better() -> None:
    baselines = {"mean": method(0.5, 2.0)}
    # A tenth less on average: in every period, in most of them, in a single one.
    for wobble, better in (((0.02, -0.01, -0.01), True), ((0.1, -0.3, 0.2), False), ((0.0,), False)):
        learned = {"boosting": method(0.7, 1.9, *wobble)}
        flat = {"mean": method(0.5, 2.0, *(0.0 for _ in wobble))}
        assert choose_method({**learned, **flat})[1] is better
    assert choose_method({"boosting": method(0.7, 2.0), **baselines}) == (Method.MEAN, False)


def test_the_interval_widens_with_the_dispersion() -> None:
    expected = np.array([0.0, 0.5, 4.0, 100.0])
    lower, upper = interval(expected, 0.0)
    wide_lower, wide_upper = interval(expected, 1.0)
    assert lower.tolist() == [0, 0, 2, 87]
    assert upper.tolist() == [0, 1, 7, 113]
    assert (wide_lower <= lower).all()
    assert (wide_upper >= upper).all()
    assert wide_upper[3] > 200


def test_only_whole_periods_count() -> None:
    first, end = date(2024, 1, 15), date(2024, 4, 30)
    assert whole_periods(first, end, Period.MONTH) == (date(2024, 2, 1), date(2024, 3, 1))
    assert whole_periods(date(2024, 1, 1), date(2024, 1, 22), Period.WEEK) == (
        date(2024, 1, 1), date(2024, 1, 8), date(2024, 1, 15),
    )  # fmt: skip
    assert len(whole_periods(date(2024, 2, 28), date(2024, 3, 2), Period.DAY)) == 3
    assert whole_periods(date(2024, 1, 2), date(2024, 1, 30), Period.MONTH) == ()


def test_what_is_too_large_or_too_short_is_refused() -> None:
    with pytest.raises(PanelTooLarge):
        check_size(50_001, 1)
    with pytest.raises(PanelTooLarge):
        check_size(40_000, 51)
    with pytest.raises(HistoryTooShort):
        check_history(13, 6)
    check_history(14, 6)


def test_rings_and_groups_know_pentagons() -> None:
    assert occupied_with_ring(np.array([PENTAGON], np.int64)).size == 6
    far = h3.latlng_to_cell(0.0, 0.0, 8)
    groups = connected_groups([*h3.grid_disk(PENTAGON, 1), far])
    assert sorted(len(group) for group in groups) == [1, 6]
