"""Outputs that show values as they are."""

import functools
from typing import Any

from rest_framework import serializers


class PlainOut(serializers.Serializer[Any]):
    """Output of a value whose attributes are JSON as they stand: texts, numbers, flags, lists of these.

    Lists of other outputs may lie in it. Listings have hundreds of entries; asking each field of each takes
    ten times as long.
    """

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """Return the attributes by the names of the fields."""
        return {
            name: getattr(instance, source)
            if below is None
            else below.to_representation(getattr(instance, source))
            for name, source, below in _parts(type(self))
        }


@functools.cache
def _parts(
    serializer_class: type[PlainOut],
) -> tuple[tuple[str, str, serializers.BaseSerializer[Any] | None], ...]:
    """Return name and attribute of each field, and the output of what lies below it."""
    return tuple(
        (name, str(field.source or name), field if isinstance(field, serializers.BaseSerializer) else None)
        for name, field in serializer_class().fields.items()
    )
