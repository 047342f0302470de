"""Identities of rows are sorted once; those that share a first half are still told apart."""

import numpy as np
import pytest

from apps.datasets.reading.identities import Keys, count_repeated, distinct, order_of


def made(count: int, seed: int, halves: int) -> Keys:
    """Return keys whose halves are few, so that some are equal in one half alone."""
    return np.random.default_rng(seed).integers(0, halves, (count, 2)).astype(np.uint64)


@pytest.mark.parametrize("halves", [3, 40, 1 << 62])
@pytest.mark.parametrize("count", [0, 1, 2, 300])
def test_equal_keys_come_together_in_the_order_of_rows(count: int, halves: int) -> None:
    for seed in range(8):
        keys = made(count, seed, halves)
        pairs = [tuple(pair) for pair in keys.tolist()]
        assert order_of(keys).tolist() == sorted(range(count), key=lambda row: (pairs[row], row))
        assert [tuple(pair) for pair in distinct(keys).tolist()] == sorted(set(pairs))
        assert count_repeated(keys) == count - len(set(pairs))
