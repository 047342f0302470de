"""Lines as far as columns need them: decoded strictly and fast, or loosely once they were repaired."""

import types
import typing
from functools import cache
from typing import Any, Final, TypeVar, get_args, get_origin

import msgspec

from apps.signals.artifacts.control import Summary
from apps.signals.keys import Scalar

T = TypeVar("T", bound=msgspec.Struct)
Entity = dict[str, Scalar]
SYSTEM: Final = "systemName"


class EntityPart(msgspec.Struct):
    """One dimension of an entity."""

    id: str | None = None
    value: Scalar = None
    dataset_field: str | None = None


class Point(msgspec.Struct):
    """The value of one period."""

    value: float | None = None


class Timeline(msgspec.Struct):
    """The values of a temporal node."""

    timeline: list[Point]


class TemporalRuntime(msgspec.Struct):
    """How many periods were observed."""

    observed_count: float | None = None


class Metric(msgspec.Struct):
    """The metric of a line."""

    values: float | Timeline | None = None
    temporal_runtime: TemporalRuntime | None = None


class EntityMetadata(msgspec.Struct):
    """Columns that came along."""

    encounters: float | None = None
    systemName: str | None = None  # noqa: N815 - the file's name


class EntityLine(msgspec.Struct):
    """An entity of a node."""

    entity: list[EntityPart]
    metric: list[Metric]
    metadata: EntityMetadata | None = None


class EdgeEnd(msgspec.Struct):
    """An edge to a child or parent node."""

    edge_type: str | None = None


class NodeLine(msgspec.Struct):
    """Line 1 of a node's file."""

    type: str
    entity_results_count: float
    canonical_node_id: str | None = None
    metric_id: str | None = None
    summary: Summary | None = None
    canonical_child_node_ids: list[EdgeEnd] | None = None
    canonical_parent_node_ids: list[EdgeEnd] | None = None


class ClassificationLine(msgspec.Struct):
    """What the run says of one entity."""

    node_id: str
    entity_key: Entity
    metric_id: str | None = None
    signal_type: str | None = None
    severity: float | None = None
    suppressed: bool | None = None
    period_count: float | None = None


class ContributionLine(msgspec.Struct):
    """What one child entity adds to its parent."""

    parent_node_id: str
    child_node_id: str
    parent_entity: Entity
    child_entity: Entity | None = None
    metric_id: str | None = None
    method: str | None = None
    weight_field: str | None = None
    parent_value: float | None = None
    child_value: float | None = None
    weight_value: float | None = None
    weight_share: float | None = None
    weighted_child_value: float | None = None
    raw_component: float | None = None
    contribution_value: float | None = None
    excess_over_parent: float | None = None


class ModelingRun(msgspec.Struct):
    """One item of the run summary."""

    status: str | None = None
    duration_seconds: float | None = None


class ExperimentMetrics(msgspec.Struct):
    """How good a model is, on the scale it was fitted and on the original one."""

    mae: float | None = None
    rmse: float | None = None
    r2: float | None = None
    mae_original: float | None = None
    rmse_original: float | None = None
    r2_original: float | None = None


class Interpretability(msgspec.Struct):
    """Paths of SHAP summaries."""

    global_summary: str | None = None


class ExperimentArtifacts(msgspec.Struct):
    """What an experiment wrote."""

    interpretability: Interpretability | None = None


class Experiment(msgspec.Struct):
    """One item of the experiments."""

    estimator: str | None = None
    groupby_label: str | None = None
    group_value: str | None = None
    rows: float | None = None
    duration_seconds: float | None = None
    metrics: ExperimentMetrics | None = None
    artifacts: ExperimentArtifacts | None = None


def loosely(kind: type[T], value: Any) -> T:
    """Make a record of a decoded value: what an optional field cannot hold is null.

    Raises msgspec.ValidationError if the value is no object or a required key is missing or wrong.
    """
    if not isinstance(value, dict):
        raise msgspec.ValidationError("It is no object.")
    given: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        if field.encode_name in value:
            given[field.name] = _fitted(_hints(kind)[field.name], value[field.encode_name])
        elif field.required:
            raise msgspec.ValidationError(f"The key {field.encode_name} is missing.")
    return kind(**given)


@cache
def _hints(kind: type[Any]) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _fitted(hint: Any, value: Any) -> Any:
    options = get_args(hint) if get_origin(hint) in {types.UnionType, typing.Union} else (hint,)
    try:
        return _fitted_to_one(options, hint, value)
    except msgspec.ValidationError:
        if type(None) in options:
            return None
        raise


def _fitted_to_one(options: tuple[Any, ...], hint: Any, value: Any) -> Any:
    for option in options:
        if isinstance(value, dict) and isinstance(option, type) and issubclass(option, msgspec.Struct):
            return loosely(option, value)
        if isinstance(value, list) and get_origin(option) is list:
            return [_fitted(get_args(option)[0], item) for item in value]
    return msgspec.convert(value, type=hint, strict=False)
