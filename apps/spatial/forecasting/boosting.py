"""Histogram gradient boosting with Poisson loss, by scikit-learn; what it learned leaves as a `Forest`."""

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from apps.common.errors import FieldError, Invalid
from apps.datasets.queries import Floats, Int64s
from apps.spatial.forecasting.trees import Forest

# name -> least, most, is a whole number
LIMITS: Final[dict[str, tuple[float, float, bool]]] = {
    "learning_rate": (0.01, 0.5, False),
    "max_iter": (50, 1_000, True),
    "max_leaf_nodes": (4, 63, True),
    "min_samples_leaf": (5, 500, True),
    "l2": (0, 10, False),
}

# Expected where there was never an event; its logarithm is finite.
NOTHING: Final = 1e-9


class HyperparametersInvalid(Invalid):
    """A hyperparameter is unknown or outside its limits."""

    code = "spatial.hyperparameters_invalid"


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """How the trees are grown."""

    learning_rate: float = 0.05
    max_iter: int = 300
    max_leaf_nodes: int = 15
    min_samples_leaf: int = 20
    l2: float = 1.0

    @classmethod
    def of(cls, given: dict[str, Any]) -> "Hyperparameters":
        """Return them with defaults for what is not given; raises HyperparametersInvalid."""
        wrong = [(name, text) for name, value in given.items() if (text := _fault(name, value))]
        if wrong:
            raise HyperparametersInvalid(
                errors=[FieldError(text, pointer=f"/hyperparameters/{name}") for name, text in wrong]
            )
        whole = {name: int(value) if LIMITS[name][2] else float(value) for name, value in given.items()}
        return cls(**whole)  # type: ignore[arg-type]

    def to_json(self) -> dict[str, Any]:
        """Return them by name."""
        return asdict(self)


def _fault(name: str, value: Any) -> str:
    """Return what is wrong with one, empty if nothing is."""
    if name not in LIMITS:
        return f"There is no hyperparameter {name}; there are {', '.join(LIMITS)}."
    least, most, is_whole = LIMITS[name]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not least <= value <= most or (is_whole and value != int(value)):
        kind = "a whole number" if is_whole else "a number"
        return f"{name} is {kind} from {least:g} to {most:g}."
    return ""


def fit_forest(features: Floats, counts: Floats, parameters: Hyperparameters, seed: int) -> Forest:
    """Return the trees fitted to rows of features and their counts; the same inputs give the same trees.

    Without a single event there is nothing to learn: the forest then expects next to nothing everywhere.
    """
    # The library does not take columns that hold one value or none, and nothing is to be learned from them.
    told = np.flatnonzero([_tells(column) for column in features.T])
    if not counts.any() or not told.size:
        return constant_forest(max(float(counts.sum()) / max(counts.size, 1), NOTHING))
    # Heavy; only the worker that trains needs them.
    from sklearn.ensemble import HistGradientBoostingRegressor  # noqa: PLC0415
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    regressor = HistGradientBoostingRegressor(
        loss="poisson",
        learning_rate=parameters.learning_rate,
        max_iter=parameters.max_iter,
        max_leaf_nodes=parameters.max_leaf_nodes,
        min_samples_leaf=parameters.min_samples_leaf,
        l2_regularization=parameters.l2,
        early_stopping=False,
        random_state=seed,
    )
    # Sums over several threads come in any order, and would make other bytes each time.
    with threadpool_limits(limits=1):
        regressor.fit(features[:, told], counts)
    return _forest_of(regressor, told)


def _tells(column: Floats) -> bool:
    """Tell whether a column holds more than one number."""
    known = column[~np.isnan(column)]
    return bool(known.size and (known != known[0]).any())


def constant_forest(expected: float) -> Forest:
    """Return a forest without trees."""
    whole, real = np.empty(0, np.int64), np.empty(0)
    base = np.array([np.log(expected)])
    return Forest(base, whole, whole, real, whole, whole, np.empty(0, np.bool_), real)


def _forest_of(regressor: Any, columns: Int64s) -> Forest:
    """Return the trees of a regressor fitted to some of the columns.

    Its own arrays are private, so a test holds ours against what it predicts.
    """
    trees = [stage[0].nodes for stage in regressor._predictors]  # noqa: SLF001
    sizes = [nodes.size for nodes in trees]
    root = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    nodes = np.concatenate(trees)
    offset = np.repeat(root, sizes)
    is_leaf = nodes["is_leaf"].astype(np.bool_)
    itself = np.arange(nodes.size, dtype=np.int64)
    return Forest(
        base=np.asarray(regressor._baseline_prediction, np.float64).reshape(1),  # noqa: SLF001
        root=root,
        feature=columns[np.where(is_leaf, 0, nodes["feature_idx"])],
        threshold=np.where(is_leaf, 0.0, nodes["num_threshold"]),
        left=np.where(is_leaf, itself, nodes["left"] + offset).astype(np.int64),
        right=np.where(is_leaf, itself, nodes["right"] + offset).astype(np.int64),
        missing_left=nodes["missing_go_to_left"].astype(np.bool_),
        value=nodes["value"].astype(np.float64),
    )
