"""From keys to numbers: which metrics a request means, which are new, and what cannot be."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
import numpy.typing as npt

from apps.common.errors import DomainError
from apps.metrics.catalog import Known
from apps.metrics.errors import ReservedName, SeriesLimit, TypeConflict, TypeRequired
from apps.metrics.metric_types import MetricType
from apps.metrics.points.batch import PointBatch, Refusal
from apps.metrics.points.values import counter_faults
from apps.metrics.recording.outcomes import Mode, Submission, Untyped, refused

RESERVED_PREFIX: Final = "sextant."

Guess = Callable[[str], MetricType]
# Field, code and detail of a refusal.
Fault = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Plan:
    """A request beside what is known: what of it will be stored, what is new, what is refused and why.

    `metrics` stand beside the batch's keys, None where one does not exist yet. `error` is set where nothing
    of it may be stored.
    """

    submission: Submission
    batch: PointBatch
    metrics: Sequence[Known | None]
    new: Mapping[str, MetricType]
    refusals: Sequence[Refusal]
    error: DomainError | None

    @property
    def known_metrics(self) -> Sequence[Known]:
        """Return the metrics of a request that brings no new ones."""
        return cast("Sequence[Known]", self.metrics)


def plan(
    submission: Submission, known: Mapping[str, Known], guess: Guess, over_limit: Collection[str] = ()
) -> Plan:
    """Compare the keys of a request with the metrics that are known; types of new ones are settled here."""
    new: dict[str, MetricType] = {}
    faults: dict[int, Fault] = {}
    batch = submission.parsed.batch
    metrics = list(map(known.get, batch.keys))
    for place, (kind, metric) in enumerate(zip(batch.types, metrics, strict=True)):
        if metric is not None:
            if kind is not None and kind is not metric.type:
                detail = f"The metric {batch.keys[place]} is a {metric.type.value}."
                faults[place] = ("type", TypeConflict.code, detail)
        else:
            key = batch.keys[place]
            settled = _settle(submission, key, kind, guess, over_limit)
            if isinstance(settled, MetricType):
                new[key] = settled
            else:
                faults[place] = settled
    stored, refusals = _without_faults(submission, metrics, faults)
    if stored is not batch:
        metrics = list(map(known.get, stored.keys))
    is_stopped = bool(refusals) and submission.mode is Mode.ATOMIC
    error = refused(refusals, submission.pointer) if is_stopped else None
    return Plan(submission, stored, metrics, new, refusals, error)


def _settle(
    submission: Submission, key: str, kind: MetricType | None, guess: Guess, over_limit: Collection[str]
) -> MetricType | Fault:
    """Return the type of a metric that does not exist yet, or why it cannot be made."""
    if submission.reserves_names and key.startswith(RESERVED_PREFIX):
        return "metric", ReservedName.code, f"Names below {RESERVED_PREFIX} are the installation's own."
    if key in over_limit:
        return "metric", SeriesLimit.code, f"There is no room for the new metric {key}."
    if kind is not None:
        return kind
    if submission.untyped is Untyped.GUESS:
        return guess(key)
    return "type", TypeRequired.code, f"The metric {key} is new: say whether it is a counter or a value."


def _without_faults(
    submission: Submission, metrics: Sequence[Known | None], faults: Mapping[int, Fault]
) -> tuple[PointBatch, list[Refusal]]:
    """Return the batch without what cannot be stored, and all refusals, those of the parser first."""
    batch = submission.parsed.batch
    refusals = list(submission.parsed.refusals)
    amounts = _places_of_amounts(batch, metrics) if submission.is_native else []
    if not faults and not amounts:
        return batch, refusals
    faulty = _points_of(batch, faults)
    items = batch.item_numbers
    for point in np.flatnonzero(faulty):
        refusals.append(Refusal(int(items[point]), *faults[int(batch.key_index[point])]))
    wrong = _points_of(batch, amounts) & counter_faults(batch.values) & ~faulty
    refusals.extend(_not_an_amount(int(items[point])) for point in np.flatnonzero(wrong))
    faulty |= wrong
    return (batch.without(faulty) if faulty.any() else batch), refusals


def _points_of(batch: PointBatch, places: Collection[int]) -> npt.NDArray[np.bool_]:
    """Return which points belong to the keys at these places."""
    if not places:
        return np.zeros(len(batch), dtype=np.bool_)
    return np.isin(batch.key_index, np.fromiter(places, dtype=np.int32, count=len(places)))


def _places_of_amounts(batch: PointBatch, metrics: Sequence[Known | None]) -> list[int]:
    """Return which keys are counters whose request does not say so: no parser could judge their points."""
    if None not in batch.types:
        return []
    return [
        place
        for place, (kind, metric) in enumerate(zip(batch.types, metrics, strict=True))
        if kind is None and metric is not None and metric.type is MetricType.COUNTER
    ]


def _not_an_amount(item: int) -> Refusal:
    detail = "An amount of a counter is a whole number from 1 to 2^53 - 1."
    return Refusal(item, "value", "metrics.invalid_value", detail)
