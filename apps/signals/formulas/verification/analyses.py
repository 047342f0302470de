"""Analyses: the inputs of classifications, and contributions."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import UUID

import numpy as np

from apps.signals.formulas.arrays import Floats
from apps.signals.formulas.contributions import coefficient_of_variation, contributions
from apps.signals.formulas.nodes import CLASSIFICATION, NodeFigures
from apps.signals.formulas.verification.differences import ABSENT, Comparison, Difference
from apps.signals.formulas.verification.reading import FloatArray, Json, NodeTable, number_of, read_lines
from apps.signals.keys import Scalar, entity_hash

INPUTS: Final = ("aggregate_zscore", "slope_percentile", "acceleration", "zscore_std", "max_abs_deviation")
CV: Final = "coefficient_of_variation"
TREND_EDGE: Final = "trends_to"
CONTRIBUTION_FIGURES: Final = (
    "weight_share",
    "weighted_child_value",
    "raw_component",
    "parent_value",
    "contribution_value",
    "excess_over_parent",
)


@dataclass(slots=True)
class Trends:
    """What temporal nodes gave, for the classifications of the nodes they are the trend of."""

    facility_dimension: str
    trend_of: dict[str, str] = field(default_factory=dict)
    places: dict[str, dict[UUID, int]] = field(default_factory=dict)
    columns: dict[str, dict[str, Floats]] = field(default_factory=dict)

    def add(self, table: NodeTable, figures: NodeFigures) -> None:
        """Remember a node: its figures if it is temporal, else which node is its trend."""
        if table.is_temporal:
            found = figures.methods.get(CLASSIFICATION, {})
            self.places[table.node_id] = table.entities
            cv = coefficient_of_variation(found["zscore_std"], found["aggregate_zscore"]) if found else None
            self.columns[table.node_id] = {**found, **({} if cv is None else {CV: cv})}
            return
        for child in table.metadata.get("canonical_child_node_ids") or ():
            if child["edge_type"] == TREND_EDGE:
                self.trend_of[table.node_id] = child["canonical_child_node_id"]

    def figures(self, node_id: str, entity: dict[str, Scalar]) -> dict[str, float] | None:
        """Return what is due for an entity of an aggregate node; None where it has no trend."""
        trend = self.trend_of.get(node_id, "")
        place = self.places.get(trend, {}).get(entity_key(entity, self.facility_dimension))
        if place is None:
            return None
        return {name: float(values[place]) for name, values in self.columns[trend].items()}


def entity_key(entity: dict[str, Scalar], facility_dimension: str) -> UUID:
    """Return the key of an entity given as {dimension: value}."""
    others = [pair for pair in entity.items() if pair[0] != facility_dimension]
    return entity_hash(entity.get(facility_dimension), others)


def check_classifications(path: Path, file: str, trends: Trends) -> Iterator[Difference]:
    """Return what is off in the inputs of classifications whose entity has a trend."""
    lines, written, computed = array("q"), _columns((*INPUTS, CV)), _columns((*INPUTS, CV))
    for number, line in read_lines(path):
        due = trends.figures(line["node_id"], line["entity_key"])
        if due is None:
            continue
        lines.append(number)
        inputs = {**(line.get("inputs") or {}), **({CV: line[CV]} if CV in line else {})}
        for name in written:
            written[name].append(number_of(inputs[name]) if name in inputs else ABSENT)
            computed[name].append(due[name])
    comparison = Comparison(file, np.array(lines, dtype=np.int64))
    for name in written:
        figure = name if name == CV else f"inputs.{name}"
        for _, found in comparison.column(figure, np.array(written[name]), np.array(computed[name])):
            yield found


def check_contributions(path: Path, file: str, facility_dimension: str) -> Iterator[Difference]:
    """Return what is off in the shares, values and sums of a contribution file."""
    names = ("child_value", "weight_value", *CONTRIBUTION_FIGURES)
    lines, parents, written = array("q"), array("q"), _columns(names)
    numbers: dict[tuple[str, str, str, UUID], int] = {}
    for number, line in read_lines(path):
        lines.append(number)
        parent = _parent(line, facility_dimension)
        parents.append(numbers.setdefault(parent, len(numbers)))
        for name in names:
            written[name].append(number_of(line[name]) if name in line else ABSENT)
    columns = {name: np.array(values) for name, values in written.items()}
    due = contributions(columns["child_value"], columns["weight_value"], np.array(parents, dtype=np.int64))
    comparison = Comparison(file, np.array(lines, dtype=np.int64))
    for name in CONTRIBUTION_FIGURES:
        computed = due.weighted_child_value if name == "raw_component" else getattr(due, name)
        for _, found in comparison.column(name, columns[name], computed):
            yield found


def _parent(line: Json, facility_dimension: str) -> tuple[str, str, str, UUID]:
    key = entity_key(line["parent_entity"], facility_dimension)
    return line["parent_node_id"], line["child_node_id"], line["metric_id"], key


def _columns(names: tuple[str, ...]) -> dict[str, FloatArray]:
    return {name: array("d") for name in names}
