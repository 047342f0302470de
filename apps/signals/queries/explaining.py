"""Why a signal has its type and severity: the rules on the figures of its files, each with its line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from apps.signals.models import Observation, Run, Signal
from apps.signals.queries.observed import Line, Lines, kept_mart_row, lines_of, newest_observation
from apps.signals.queries.relations import Record, read_record
from apps.signals.rules.explanation import Change, RuleTrace, explain
from apps.signals.rules.inputs import Inputs, Polarity, scaled_acceleration
from apps.signals.storage.marts import intermediate

SIMPLE, TRENDING, SLOPE = "simple_zscore", "trending_simple_zscore", "slope_percentile"
# Input -> method and statistic of the aggregate line or of the temporal one, and how the value is made.
_OF_AGGREGATE: Final = {
    "suppressed": (SIMPLE, "suppressed", None),
    "percentile_rank": (SIMPLE, "percentile_rank", None),
    "peer_std": (SIMPLE, "peer_std", None),
}
_OF_TEMPORAL: Final = {
    "mean_z": (TRENDING, "mean_simple_zscore", None),
    "observations": (TRENDING, "observations", None),
    "slope_percentile": (SLOPE, "slope_percentile", None),
    "acceleration": (SLOPE, "acceleration", "acceleration / max(peer_std, 0.01)"),
    "zscore_std": (TRENDING, "per_period_simple_zscores", "population standard deviation"),
    "max_excursion": (TRENDING, "per_period_simple_zscores", "largest distance from mean_z"),
}
_ENCOUNTERS_RANK: Final = (
    "SELECT encounters_rank FROM {inputs} WHERE run_id = %(run)s AND signal_key = %(key)s"
)


@dataclass(frozen=True, slots=True)
class Traced:
    """A figure that the rules read, and where it stands: file, JSON pointer into the line, line number.

    formula: how the value is made of what stands there, None if it is that itself.
    """

    name: str
    value: Any
    path: str | None
    line: int | None
    formula: str | None = None


@dataclass(frozen=True, slots=True)
class Reasoning:
    """Type and severity as stored, and what leads to them; `reported` is what the file says of the entity."""

    run: Run
    type: str
    severity: int
    severity_calculation: Mapping[str, Any]
    inputs: Sequence[Traced]
    rules: Sequence[RuleTrace]
    changes: Sequence[Change]
    reported: Mapping[str, Any] | None


def explain_signal(signal: Signal) -> Reasoning:
    """Return why a signal has its type, by its newest run. Issues five queries.

    Raises RunPruned.
    """
    observation = newest_observation(signal)
    row = kept_mart_row(signal, observation.run)
    lines = lines_of(observation)
    inputs = _inputs(row, lines, _encounters_rank(signal, observation))
    found = explain(inputs)
    return Reasoning(
        run=observation.run,
        type=row["signal_type"],
        severity=row["severity"],
        severity_calculation=row["severity_calculation"],
        inputs=_traced(inputs, row, lines),
        rules=found.rules,
        changes=found.changes,
        reported=row["reported"],
    )


def _encounters_rank(signal: Signal, observation: Observation) -> float | None:
    names = {"run": observation.run_id, "key": signal.signal_key}
    found = read_record(_ENCOUNTERS_RANK, names, inputs=intermediate("int_signal_inputs"))
    return found["encounters_rank"] if found is not None else None


def _inputs(row: Record, lines: Lines, encounters_rank: float | None) -> Inputs:
    """Return what the rules read, in the files' figures."""
    return Inputs(
        mean_z=row["aggregate_zscore"],
        slope_percentile=row["slope_percentile"],
        acceleration=scaled_acceleration(row["acceleration"], row["peer_std"]),
        zscore_std=row["zscore_std"],
        max_excursion=row["max_excursion"],
        observations=row["period_count"],
        suppressed=lines.aggregate.statistic(SIMPLE, "suppressed") is True,
        polarity=Polarity(row["polarity"]),
        percentile_rank=row["percentile_rank"],
        encounters_rank=encounters_rank,
    )


def _traced(inputs: Inputs, row: Record, lines: Lines) -> list[Traced]:
    """Return the inputs with their places, in the order in which rules and severity parts read them."""
    of_temporal = lines.temporal is not None
    places = _OF_TEMPORAL if of_temporal else {"mean_z": (SIMPLE, SIMPLE, None)}
    line = lines.temporal or lines.aggregate
    found = [_placed(line, name, getattr(inputs, name), place) for name, place in places.items()]
    values = {
        "peer_std": row["peer_std"],
        "suppressed": inputs.suppressed,
        "percentile_rank": inputs.percentile_rank,
    }
    found += [_placed(lines.aggregate, name, values[name], place) for name, place in _OF_AGGREGATE.items()]
    path = f"{lines.aggregate.file.path}#/metadata/encounters"
    return [
        *found,
        Traced("encounters", row["encounters"], path, lines.aggregate.number),
        Traced(
            "encounters_rank", inputs.encounters_rank, path, lines.aggregate.number,
            "percentile rank among the entities of the node",
        ),
        Traced("polarity", inputs.polarity.value, None, None),
    ]  # fmt: skip


def _placed(line: Line, name: str, value: Any, place: tuple[str, str, str | None]) -> Traced:
    method, statistic, formula = place
    if method not in line.methods:
        return Traced(name, value, None, None, formula)
    number, _ = line.methods[method]
    path = f"{line.file.path}#/statistical_methods/{number}/statistics/{statistic}"
    return Traced(name, value, path, line.number, formula)
