"""Read type expressions: what a value annotated so may be."""

import ast
from collections.abc import Callable
from typing import Final

from apps.projects.renaming.scopes.kinds import (
    NONE,
    UNKNOWN,
    BuiltinKind,
    ClassKind,
    InstanceKind,
    Kinds,
    SeriesKind,
    TableKind,
    TupleKind,
    union,
)
from apps.projects.renaming.scopes.lookup import owner_of
from apps.projects.renaming.scopes.names import Names
from apps.projects.renaming.scopes.strings import last_name
from apps.projects.renaming.scopes.structure import Scope

SERIES: Final = frozenset(
    {"list", "List", "set", "Set", "frozenset", "FrozenSet", "Sequence", "Iterable", "Iterator", "Collection"}
    | {"Generator", "deque", "Deque", "MutableSequence", "AbstractSet", "Reversible"}
)
TABLES: Final = frozenset(
    {"dict", "Dict", "Mapping", "MutableMapping", "defaultdict", "DefaultDict", "OrderedDict"}
)
PLAIN: Final = frozenset({"str", "int", "float", "bool", "bytes", "complex"})
WRAPPERS: Final = frozenset({"Final", "ClassVar", "Annotated", "Required", "NotRequired"})


class AnnotationReader:
    """Reads annotations by what their names mean where they stand."""

    def __init__(self, infer: Callable[[ast.expr, Scope], Kinds], names: Names) -> None:
        self.infer = infer
        self.names = names
        self._parsed: dict[int, tuple[ast.AST, ast.expr]] = {}

    def read(self, node: ast.expr, scope: Scope, owner: Scope | None = None) -> Kinds:
        """Return what the annotation allows; `owner` is the class that `Self` means."""
        if isinstance(node, ast.Constant):
            return self.constant(node, scope, owner)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return union([self.read(node.left, scope, owner), self.read(node.right, scope, owner)])
        if isinstance(node, ast.Subscript):
            return self.generic(node, scope, owner)
        if not isinstance(node, ast.Name | ast.Attribute):
            return UNKNOWN
        kinds = self.infer(node, scope)
        if kinds is not None:
            return self.objects(kinds)
        name = last_name(node)
        if name == "Self" and owner is not None:
            return frozenset({InstanceKind(owner)})
        if name == "None" or not isinstance(node, ast.Name) or owner_of(scope, name) is not None:
            return UNKNOWN
        return frozenset({BuiltinKind(name)}) if name in PLAIN else UNKNOWN

    def objects(self, kinds: Kinds) -> Kinds:
        """Return objects of the classes that an annotation names."""
        if kinds is None or not kinds or not all(isinstance(kind, ClassKind) for kind in kinds):
            return UNKNOWN
        return frozenset(InstanceKind(kind.scope) for kind in kinds if isinstance(kind, ClassKind))

    def constant(self, node: ast.Constant, scope: Scope, owner: Scope | None) -> Kinds:
        """Read None, or code in quotes."""
        if node.value is None:
            return frozenset({NONE})
        if not isinstance(node.value, str):
            return UNKNOWN
        if id(node) not in self._parsed:
            try:
                parsed = ast.parse(f"({node.value})", mode="eval").body
            except (SyntaxError, ValueError, RecursionError):
                return UNKNOWN
            # Kept, so that no other node gets its identity while answers are remembered by it.
            self._parsed[id(node)] = (node, parsed)
        return self.read(self._parsed[id(node)][1], scope, owner)

    def generic(self, node: ast.Subscript, scope: Scope, owner: Scope | None) -> Kinds:
        """Read a type with arguments; only a name from outside of the project is what it seems."""
        kinds = self.infer(node.value, scope)
        if kinds is not None:
            return self.objects(kinds)
        items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        name = last_name(node.value)
        if name in {"Optional", "Union"}:
            parts = [self.read(item, scope, owner) for item in items]
            return union([*parts, frozenset({NONE})] if name == "Optional" else parts)
        if name in WRAPPERS:
            return self.read(items[0], scope, owner)
        if name in SERIES:
            return frozenset({SeriesKind(self.read(items[0], scope, owner))})
        if name in TABLES and len(items) > 1:
            return frozenset({TableKind(self.read(items[1], scope, owner))})
        if name in {"tuple", "Tuple"}:
            return self.tuple_of(items, scope, owner)
        if name in {"type", "Type"}:
            found = self.infer(items[0], scope) or frozenset()
            classes = [ClassKind(kind.scope, is_open=True) for kind in found if isinstance(kind, ClassKind)]
            return frozenset(classes) if classes and len(classes) == len(found) else UNKNOWN
        return UNKNOWN

    def tuple_of(self, items: list[ast.expr], scope: Scope, owner: Scope | None) -> Kinds:
        """Read the arguments of a tuple type."""
        parts = [self.read(item, scope, owner) for item in items if not is_ellipsis(item)]
        if len(parts) != len(items):
            return frozenset({SeriesKind(parts[0])}) if parts else UNKNOWN
        return frozenset({TupleKind(tuple(parts))})


def is_ellipsis(node: ast.expr) -> bool:
    """Tell whether an expression is `...`."""
    return isinstance(node, ast.Constant) and node.value is ...
