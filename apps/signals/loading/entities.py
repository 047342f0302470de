"""Entities as columns: the facility, the system, the other dimensions, and the keys made of them."""

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

import orjson

from apps.signals.keys import Scalar, canonical_dimensions, canonical_text, entity_hash, signal_key
from apps.signals.loading.plan import Target
from apps.signals.loading.records import SYSTEM, EntityPart


class EntityColumns(NamedTuple):
    """What the tables keep of an entity; `dimensions` is JSON, [name, text or null] by name."""

    facility_id: str | None
    system_name: str | None
    dimensions: bytes
    entity_hash: UUID
    signal_key: UUID


def pairs_of(parts: Iterable[EntityPart]) -> list[tuple[str, Scalar]]:
    """Return an entity's dimensions as (name, value); the name is that of the dataset's column."""
    return [(part.dataset_field or part.id or "", part.value) for part in parts]


def entity_columns(
    pairs: Iterable[tuple[str, Scalar]], *, node_id: str, metric_id: str, target: Target
) -> EntityColumns:
    """Return the columns of an entity as a node sees it."""
    facility: Scalar = None
    system: Scalar = None
    others: list[tuple[str, Scalar]] = []
    for name, value in pairs:
        if name == target.facility_dimension:
            facility = value
        elif name == SYSTEM:
            system = value
        else:
            others.append((name, value))
    dimensions = canonical_dimensions(others)
    return EntityColumns(
        canonical_text(facility),
        canonical_text(system),
        orjson.dumps(dimensions),
        entity_hash(facility, dimensions),
        signal_key(target.graph, metric_id, node_id, facility, dimensions),
    )
