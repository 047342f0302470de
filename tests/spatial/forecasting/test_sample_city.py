"""The sample city's moving hot spot is found; without any order in time nothing is better than the mean."""

import csv
import io
from collections import Counter
from collections.abc import Sequence
from datetime import date
from random import Random

import h3.api.basic_int as h3
import numpy as np
import pytest

from apps.datasets.reading.sample_city import HEADER, sample_city
from apps.spatial.forecasting.boosting import Hyperparameters
from apps.spatial.forecasting.calendar import period_of, whole_periods
from apps.spatial.forecasting.panel import Counts, make_panel, occupied_with_ring
from apps.spatial.forecasting.rolling import Learner, roll
from apps.spatial.forecasting.scoring import Trial, ranking, score, top_number
from apps.spatial.states import Method, Period

ORIGINS = 6
MOVING = (48.1850, 16.4100)  # where it ends
Event = tuple[date, int]


@pytest.fixture(scope="module")
def events() -> list[Event]:
    """Return day and cell of the city's rows that can be read."""
    stream = io.StringIO()
    sample_city(stream, rows=40_000)
    stream.seek(0)
    found = []
    for row in csv.reader(stream):
        if len(row) == len(HEADER) and row[1].startswith("202") and row[1][5:10] != "02-30":
            try:
                cell = h3.latlng_to_cell(float(row[2]), float(row[3]), 8)
            except ValueError:
                continue
            found.append((date.fromisoformat(row[1][:10]), cell))
    return found


def trial_of(events: Sequence[Event]) -> Trial:
    starts = whole_periods(date(2024, 1, 1), date(2026, 1, 1), Period.MONTH)
    counted = Counter(((period_of(day, Period.MONTH) - date(1970, 1, 1)).days, cell) for day, cell in events)
    day, cell = (np.array([key[at] for key in counted], np.int64) for at in (0, 1))
    counts = Counts.of_days(starts, cell, day, np.array(list(counted.values()), np.int64))
    first = len(starts) - ORIGINS
    cells = occupied_with_ring(counts.before(first).cell)
    panel = make_panel(counts, cells, Period.MONTH, is_bounded=False)
    learner = Learner.of(panel, Hyperparameters(max_iter=60, learning_rate=0.1), 0)
    return roll(panel, first, learner.refitted, lambda _done, _number: None)


def test_the_moving_hot_spot_ranks_among_the_first_five_percent(events: list[Event]) -> None:
    """Proof 9."""
    trial = trial_of(events)
    disk = h3.grid_disk(h3.latlng_to_cell(*MOVING, 8), 3)
    near = np.isin(trial.cells, np.array(disk, np.int64))
    for at in (-3, -2, -1):
        hottest = int(np.argmax(np.where(near, trial.observed[:, at], -1)))
        order = ranking(trial.expected[Method.BOOSTING][:, at], trial.tie[:, at], trial.cells)
        assert hottest in order[: top_number(trial.cells.size, 0.05)].tolist(), at
    metrics = score(trial)["methods"]
    assert metrics["boosting"]["pei"]["5"] > metrics["mean"]["pei"]["5"]
    assert metrics["boosting"]["deviance"] < 0.8 * metrics["mean"]["deviance"]


def test_shuffled_times_leave_nothing_that_is_better(events: list[Event]) -> None:
    """Proof 8."""
    days = [day for day, _ in events]
    Random(1).shuffle(days)
    metrics = score(trial_of([(day, cell) for day, (_, cell) in zip(days, events, strict=True)]))
    assert metrics["better"] is False
    assert metrics["serving_method"] != "boosting"
