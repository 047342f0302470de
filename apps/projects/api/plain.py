"""Outputs that show values as they are."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from rest_framework import serializers


class PlainOut(serializers.Serializer[Any]):
    """Output of a value whose attributes are JSON as they stand: texts, numbers, flags, lists of these.

    Lists of other outputs may lie in it. Listings have hundreds of entries; asking each field of each takes
    ten times as long.
    """

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """Return the attributes by the names of the fields."""
        parts = _parts_of(type(self))
        shown = dict(zip(parts.names, parts.values(instance), strict=True))
        for name, below in parts.below.items():
            shown[name] = below.to_representation(shown[name])
        return shown


@dataclass(frozen=True, slots=True)
class Parts:
    """The fields of an output: their names, what gets all their values, the outputs of what lies below."""

    names: tuple[str, ...]
    values: Callable[[Any], tuple[Any, ...]]
    below: Mapping[str, serializers.BaseSerializer[Any]]


@functools.cache
def _parts_of(serializer_class: type[PlainOut]) -> Parts:
    fields = serializer_class().fields
    # Of two attributes at least, so that a tuple comes.
    return Parts(
        names=tuple(fields),
        values=attrgetter(*(str(field.source or name) for name, field in fields.items())),
        below={
            name: field for name, field in fields.items() if isinstance(field, serializers.BaseSerializer)
        },
    )
