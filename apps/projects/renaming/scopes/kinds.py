"""What an expression may be. A set of these is the whole truth; None, in place of a set, is "unknown"."""

import builtins
from dataclasses import dataclass
from typing import Final

from apps.projects.renaming.scopes.modules import Module, Namespace
from apps.projects.renaming.scopes.structure import Scope


@dataclass(frozen=True, slots=True)
class ModuleKind:
    """A module or folder of the project."""

    module: Module | Namespace


@dataclass(frozen=True, slots=True)
class ClassKind:
    """A class of the project; an open one may be a subclass too, as `cls` is."""

    scope: Scope
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class InstanceKind:
    """An object of a class of the project, or of a subclass."""

    scope: Scope


@dataclass(frozen=True, slots=True)
class ParentKind:
    """What `super()` gives in a method of the class."""

    scope: Scope


@dataclass(frozen=True, slots=True)
class FunctionKind:
    """A function of the project."""

    scope: Scope


@dataclass(frozen=True, slots=True)
class SeriesKind:
    """Something that yields elements: a list, a set, a generator."""

    element: "Kinds"


@dataclass(frozen=True, slots=True)
class TableKind:
    """A mapping to values."""

    value: "Kinds"


@dataclass(frozen=True, slots=True)
class TupleKind:
    """A tuple of known length."""

    items: tuple["Kinds", ...]


@dataclass(frozen=True, slots=True)
class BuiltinKind:
    """An object of a builtin type, by its name; `NoneType` for None."""

    name: str


Kind = (
    ModuleKind
    | ClassKind
    | InstanceKind
    | ParentKind
    | FunctionKind
    | SeriesKind
    | TableKind
    | TupleKind
    | BuiltinKind
)
Kinds = frozenset[Kind] | None
UNKNOWN: Final[Kinds] = None
NONE: Final = BuiltinKind("NoneType")


def union(parts: list[Kinds]) -> Kinds:
    """Return all of the parts; unknown as soon as one is."""
    whole: set[Kind] = set()
    for part in parts:
        if part is None:
            return UNKNOWN
        whole |= part
    return frozenset(whole)


def elements(kinds: Kinds) -> Kinds:
    """Return what iteration over a value gives."""
    if kinds is None:
        return UNKNOWN
    parts: list[Kinds] = []
    for kind in kinds:
        if isinstance(kind, SeriesKind):
            parts.append(kind.element)
        elif isinstance(kind, TupleKind):
            parts.extend(kind.items)
        elif kind == BuiltinKind("str"):
            parts.append(frozenset({kind}))
        elif kind != NONE:
            return UNKNOWN
    return union(parts)


def unpacked(kinds: Kinds, path: tuple[int, ...]) -> Kinds:
    """Return what a target gets that stands at a place of a tuple."""
    for place in path:
        if kinds is None:
            return UNKNOWN
        parts = [
            kind.items[place]
            if isinstance(kind, TupleKind) and place < len(kind.items)
            else elements(frozenset({kind}))
            for kind in kinds
        ]
        kinds = union(parts)
    return kinds


def builtin_has(name: str, attribute: str) -> bool:
    """Tell whether objects of a builtin type have an attribute."""
    return hasattr(None if name == "NoneType" else getattr(builtins, name, object), attribute)
