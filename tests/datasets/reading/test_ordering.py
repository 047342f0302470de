"""Rows are ordered as a stable sort by all keys orders them, however often keys repeat."""

import numpy as np
import pytest

from apps.datasets.reading.ordering import order_by


@pytest.mark.parametrize("distinct", [1, 2, 30, 400, 1 << 62])
@pytest.mark.parametrize("count", [0, 1, 2, 700])
def test_rows_with_equal_keys_stay_in_their_order(count: int, distinct: int) -> None:
    for seed in range(5):
        random = np.random.default_rng(seed)
        first, second, third = random.integers(-distinct, distinct, (3, count))

        assert order_by(first).tolist() == np.argsort(first, kind="stable").tolist()
        assert order_by(first, second).tolist() == np.lexsort((second, first)).tolist()
        assert order_by(first, second, third).tolist() == np.lexsort((third, second, first)).tolist()
