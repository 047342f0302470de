"""What the children of one parent contribute to its weighted mean."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from apps.signals.formulas.arrays import Floats, Ints, ratio

CV_FLOOR: Final = 0.01


@dataclass(frozen=True, slots=True)
class Contributions:
    """Figures of each child row (rows,); all of NaN where the weights of a parent sum to 0."""

    weight_share: Floats
    weighted_child_value: Floats
    parent_value: Floats
    contribution_value: Floats
    excess_over_parent: Floats


def contributions(child_values: Floats, weights: Floats, parents: Ints) -> Contributions:
    """Return the figures of children; `parents` numbers the parent of each row from 0."""
    share = ratio(weights, _sums(weights, parents))
    weighted = share * child_values
    parent_value = _sums(weighted, parents)
    return Contributions(
        weight_share=share,
        weighted_child_value=weighted,
        parent_value=parent_value,
        contribution_value=ratio(weighted, parent_value),
        excess_over_parent=share * (child_values - parent_value),
    )


def coefficient_of_variation(zscore_std: Floats, aggregate_zscore: Floats) -> Floats:
    """Return zscore_std / max(absolute aggregate_zscore, 0.01)."""
    return np.asarray(zscore_std / np.maximum(np.abs(aggregate_zscore), CV_FLOOR))


def _sums(values: Floats, parents: Ints) -> Floats:
    """Return for each row the sum over the rows of its parent."""
    return np.asarray(np.bincount(parents, values)[parents], dtype=np.float64) if len(parents) else values
