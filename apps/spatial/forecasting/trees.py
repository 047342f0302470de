"""Our own evaluator of boosted regression trees: arrays in, numbers out, no scikit-learn and no pickle."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from apps.datasets.queries import Bools, Floats, Int64s


@dataclass(frozen=True, slots=True)
class Forest:
    """Trees with a logarithmic link: expected = exp(base + sum of the leaves' values).

    All trees' nodes stand one after the other; `root` are the indexes of the roots, `left` and `right` those
    of the children. A value goes left when it is at most `threshold`, NaN where `missing_left` says. A
    leaf's children are itself.
    """

    base: Floats  # one number
    root: Int64s
    feature: Int64s
    threshold: Floats
    left: Int64s
    right: Int64s
    missing_left: Bools
    value: Floats

    def predict(self, features: Floats) -> Floats:
        """Return the expected counts of rows of features."""
        raw = np.full(features.shape[0], self.base[0])
        for root in self.root.tolist():
            raw += self.value[self._leaves(features, root)]
        return np.asarray(np.exp(raw))

    def _leaves(self, features: Floats, root: int) -> Int64s:
        """Return the leaf of one tree that each row falls into."""
        rows = np.arange(features.shape[0])
        node = np.full(features.shape[0], root, np.int64)
        while rows.size:
            at = node[rows]
            values = features[rows, self.feature[at]]
            goes_left = np.where(np.isnan(values), self.missing_left[at], values <= self.threshold[at])
            below = np.where(goes_left, self.left[at], self.right[at])
            node[rows] = below
            rows = rows[below != self.left[below]]
        return node

    def arrays(self) -> dict[str, Any]:
        """Return the fields by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, Any]) -> "Forest":
        """Return the forest of fields by name; raises KeyError, and ValueError for indexes out of place."""
        forest = cls(**{field.name: arrays[field.name] for field in fields(cls)})
        nodes = forest.value.size
        for indexes in (forest.root, forest.left, forest.right):
            if indexes.size and not (0 <= indexes.min() <= indexes.max() < nodes):
                raise ValueError("a tree leads to a node that is not there")
        return forest
