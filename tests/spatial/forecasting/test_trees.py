"""Our trees are scikit-learn's, and leave and come back as numbers alone."""

import pickle
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

from apps.datasets.queries import Floats
from apps.spatial.forecasting.artifact import ArtifactCorrupt, Learned, decode, encode
from apps.spatial.forecasting.boosting import (
    Hyperparameters,
    HyperparametersInvalid,
    constant_forest,
    fit_forest,
)

SMALL = Hyperparameters(max_iter=60, max_leaf_nodes=9, min_samples_leaf=5)
CELLS = np.array([3, 7], np.int64)


@pytest.fixture(scope="module")
def rows() -> tuple[Floats, Floats]:
    """Return features, some of them absent or of one value, and counts that depend on them."""
    random = np.random.default_rng(5)
    features = random.gamma(2.0, 1.5, (800, 6))
    features[random.random(features.shape) < 0.1] = np.nan
    features[:, 2], features[:, 4] = np.nan, 1.0
    counts = random.poisson(np.nan_to_num(features[:, 0]) * 0.5 + 0.2).astype(np.float64)
    return features, counts


def test_our_evaluator_expects_what_scikit_learn_predicts(rows: tuple[Floats, Floats]) -> None:
    features, counts = rows
    kept = [0, 1, 3, 5]
    theirs = HistGradientBoostingRegressor(
        loss="poisson", learning_rate=0.05, max_iter=60, max_leaf_nodes=9, min_samples_leaf=5,
        l2_regularization=1.0, early_stopping=False, random_state=1,
    ).fit(features[:, kept], counts)  # fmt: skip
    ours = fit_forest(features, counts, SMALL, seed=1)
    unseen = np.vstack(
        [features, np.random.default_rng(6).gamma(2.0, 4.0, (300, 6)), np.full((1, 6), np.nan)]
    )
    assert ours.predict(unseen) == pytest.approx(theirs.predict(unseen[:, kept]), rel=1e-12, abs=1e-12)


def test_equal_inputs_give_equal_bytes_and_the_file_gives_the_forest_back(
    rows: tuple[Floats, Floats],
) -> None:
    contents = [
        encode(Learned(fit_forest(*rows, SMALL, seed=1), CELLS, {"seed": 1, "period": "week"}))
        for _ in range(2)
    ]
    assert contents[0] == contents[1]
    back = decode(contents[0])
    assert back.facts["seed"] == 1
    assert back.cells.tolist() == CELLS.tolist()
    expected = fit_forest(*rows, SMALL, seed=1).predict(rows[0])
    assert (back.forest.predict(rows[0]) == expected).all()


def test_an_artifact_loads_while_pickle_is_blocked(
    rows: tuple[Floats, Floats], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = encode(Learned(fit_forest(*rows, SMALL, seed=1), CELLS, {}))

    def blocked(*_args: Any, **_options: Any) -> Any:
        raise AssertionError("pickle was used")

    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, blocked)
    assert decode(content).forest.root.size == SMALL.max_iter


@pytest.mark.parametrize("at", [3, 400, -30])
def test_a_damaged_file_is_refused(rows: tuple[Floats, Floats], at: int) -> None:
    content = bytearray(encode(Learned(fit_forest(*rows, SMALL, seed=1), CELLS, {})))
    content[at] ^= 0xFF
    with pytest.raises(ArtifactCorrupt):
        decode(bytes(content))


def test_without_events_next_to_nothing_is_expected_and_no_number_is_lost() -> None:
    features = np.full((4, 3), np.nan)
    forest = fit_forest(features, np.zeros(4), SMALL, seed=0)
    assert forest.predict(features).tolist() == pytest.approx([1e-9] * 4)
    assert decode(encode(Learned(constant_forest(2.0), CELLS, {}))).forest.predict(features)[0] == 2.0


@pytest.mark.parametrize(
    "given",
    [{"depth": 3}, {"learning_rate": 0.6}, {"max_iter": 49}, {"max_iter": 60.5}, {"l2": True}, {"l2": "1"},
     {"learning_rate": float("nan")}],
)  # fmt: skip
def test_hyperparameters_outside_their_limits_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(HyperparametersInvalid) as refused:
        Hyperparameters.of(given)
    assert refused.value.errors[0].pointer == f"/hyperparameters/{next(iter(given))}"
    assert len(refused.value.errors) == 1
