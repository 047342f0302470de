"""Models that analytics trained on a run's data: experiments, and what drives their predictions.

The best experiment has the highest r2, then the lowest mae, then the first name.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg.sql import SQL

from apps.signals.queries.relations import read_records
from apps.signals.storage.mart_schema import FCT_MODEL_DRIVERS, FCT_MODEL_EXPERIMENTS
from apps.signals.storage.marts import has_marts, mart

# Which experiments, and which of them is the best.
_FILTER: Final = SQL(
    " WHERE run_id = %(run)s AND (%(estimator)s::text IS NULL OR estimator = %(estimator)s::text)"
    " AND (%(group)s::text IS NULL OR group_value = %(group)s::text)"
)
_BEST: Final = SQL("r2 DESC NULLS LAST, mae ASC NULLS LAST, estimator ASC NULLS LAST, experiment_no")
_COLUMNS: Final = SQL(
    "experiment_no, estimator, groupby_label, group_value, row_count, duration_s, mae, rmse, r2,"
    " mae_original, rmse_original, r2_original"
)
_PAGE: Final = (
    "SELECT {columns} FROM {experiments}{filter} AND experiment_no > %(after)s"
    " ORDER BY experiment_no LIMIT %(limit)s"
)
_FIRST: Final = "SELECT {columns} FROM {experiments}{filter} ORDER BY {best} LIMIT 1"
_BEST_OF_GROUPS: Final = (
    "SELECT * FROM (SELECT DISTINCT ON (groupby_label, group_value) {columns} FROM {experiments}{filter}"
    " ORDER BY groupby_label, group_value, {best}) AS winners ORDER BY {best} LIMIT %(limit)s"
)
_COUNTS: Final = (
    "SELECT count(*) AS experiments, count(DISTINCT (groupby_label, group_value)) AS groups,"
    " coalesce(array_agg(DISTINCT estimator) FILTER (WHERE estimator IS NOT NULL), ARRAY[]::text[])"
    " AS estimators FROM {experiments} WHERE run_id = %(run)s"
)
_DRIVERS: Final = (
    "SELECT feature, mean_abs_shap, mean_shap, sample_count, rank FROM {drivers}"
    " WHERE run_id = %(run)s AND experiment_no = %(experiment)s"
    " ORDER BY rank, feature LIMIT %(limit)s"
)


@dataclass(frozen=True, slots=True)
class Experiment:
    """One trained model; the figures without `_original` are of the scaled target."""

    experiment_no: int
    estimator: str | None
    groupby_label: str | None
    group_value: str | None
    row_count: int | None
    duration_s: float | None
    mae: float | None
    rmse: float | None
    r2: float | None
    mae_original: float | None
    rmse_original: float | None
    r2_original: float | None

    @property
    def place(self) -> tuple[int]:
        """Return where it stands in the list."""
        return (self.experiment_no,)


@dataclass(frozen=True, slots=True)
class Driver:
    """A feature, and how far it moves the predictions of a model."""

    feature: str
    mean_abs_shap: float | None
    mean_shap: float | None
    sample_count: int | None
    rank: int

    @property
    def direction(self) -> str | None:
        """Return which way the feature moves predictions on the whole."""
        if self.mean_shap is None:
            return None
        return "increases" if self.mean_shap > 0 else "decreases" if self.mean_shap < 0 else "neutral"


@dataclass(frozen=True, slots=True)
class ModelingSummary:
    """How many experiments a run has, and the best of each group, the best first."""

    experiments: int = 0
    groups: int = 0
    estimators: Sequence[str] = ()
    best: Experiment | None = None
    best_of_groups: Sequence[Experiment] = ()


@dataclass(frozen=True, slots=True)
class Chosen:
    """Of which experiments: of an estimator, of a group, of all."""

    run_id: uuid.UUID
    estimator: str | None = None
    group: str | None = None

    def bound(self, **more: Any) -> dict[str, Any]:
        """Return the parameters of a statement."""
        return {"run": self.run_id, "estimator": self.estimator, "group": self.group} | more


def experiment_page(chosen: Chosen, *, after: int, limit: int) -> list[Experiment]:
    """Return experiments by number, those past one. Issues two queries."""
    return _experiments(_PAGE, chosen.bound(after=after, limit=limit))


def best_experiment(chosen: Chosen) -> Experiment | None:
    """Return the best experiment, None without any. Issues two queries."""
    return next(iter(_experiments(_FIRST, chosen.bound())), None)


def summarize(run_id: uuid.UUID, *, groups_max: int) -> ModelingSummary:
    """Return what a run has of modeling. Issues four queries."""
    best = _experiments(_BEST_OF_GROUPS, Chosen(run_id).bound(limit=groups_max))
    if not best:
        return ModelingSummary()
    (counts,) = read_records(_COUNTS, {"run": run_id}, experiments=mart(FCT_MODEL_EXPERIMENTS))
    return ModelingSummary(**counts, best=best[0], best_of_groups=best)


def drivers_of(run_id: uuid.UUID, experiment: Experiment, *, top_n: int) -> list[Driver]:
    """Return the strongest drivers of an experiment by rank. Issues one query."""
    bound = {"run": run_id, "experiment": experiment.experiment_no, "limit": top_n}
    return [Driver(**row) for row in read_records(_DRIVERS, bound, drivers=mart(FCT_MODEL_DRIVERS))]


def _experiments(statement: str, bound: dict[str, Any]) -> list[Experiment]:
    if not has_marts():
        return []
    found = read_records(
        statement,
        bound,
        experiments=mart(FCT_MODEL_EXPERIMENTS),
        columns=_COLUMNS,
        filter=_FILTER,
        best=_BEST,
    )
    return [Experiment(**row) for row in found]
