"""From a value to one of a kind that knows more."""

from dataclasses import Field, fields
from typing import Any, ClassVar, Protocol, TypeVar


class DataclassValue(Protocol):
    """An instance of any dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


ValueT = TypeVar("ValueT", bound=DataclassValue)


def widened(kind: type[ValueT], value: DataclassValue, **more: Any) -> ValueT:
    """Return a value of `kind`, a dataclass on top of that of `value`, with `more` of its own fields."""
    return kind(**{field.name: getattr(value, field.name) for field in fields(value)}, **more)
