"""Strings that are names: annotations in quotes, `__all__`, slots, and attributes given by their name."""

import ast
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from apps.projects.renaming.scopes.modules import Module
from apps.projects.renaming.scopes.positions import Positions
from apps.projects.renaming.scopes.recording import Recorder
from apps.projects.renaming.scopes.structure import Scope

BY_NAME: Final = frozenset(
    {"getattr", "setattr", "hasattr", "delattr", "attrgetter", "methodcaller", "object"}
)
NAMESPACES: Final = frozenset({"globals", "locals", "vars"})
# Their arguments are types; strings there are code.
TYPING: Final = frozenset(
    {"Optional", "Union", "List", "Dict", "Set", "FrozenSet", "Tuple", "Type", "Callable", "Iterable"}
    | {"Iterator", "Sequence", "Mapping", "Generic", "ClassVar", "Final", "Annotated", "Awaitable"}
)


class StringReader:
    """Reads the strings of one file."""

    def __init__(
        self,
        module: Module,
        places: Positions,
        record: Recorder,
        wanted: frozenset[str],
        visit: Callable[[ast.AST], None],
    ) -> None:
        self.module = module
        self.places = places
        self.record = record
        self.wanted = wanted
        self.visit = visit

    def annotation(self, node: ast.expr) -> None:
        """Visit a type expression, whose strings are code."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            self.quoted(node)
        elif isinstance(node, ast.Subscript):
            self.visit(node.value)
            self.arguments(node)
        elif isinstance(node, ast.BinOp):
            self.annotation(node.left)
            self.annotation(node.right)
        elif isinstance(node, ast.Tuple | ast.List):
            for item in node.elts:
                self.annotation(item)
        else:
            self.visit(node)

    def arguments(self, node: ast.Subscript) -> None:
        """Visit the arguments of a generic type: those of Literal are values, as is what Annotated adds."""
        name = last_name(node.value)
        items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        for place, item in enumerate(items):
            if name == "Literal" or (name == "Annotated" and place):
                self.visit(item)
            else:
                self.annotation(item)

    def quoted(self, node: ast.Constant) -> None:
        """Visit the code in a string, as if it stood there without quotes."""
        value = str(node.value)
        try:
            tree = ast.parse(f"({value})", mode="eval").body
        except (SyntaxError, ValueError, RecursionError):
            self.visit(node)
            return
        start = self.places.inside_string(node)
        if start is None:
            self.module.unclear.append((node.lineno, node.end_lineno or node.lineno))
            self.visit(node)
            return
        shift = len(self.module.ground.lines[start[0] - 1][: start[1]].encode()) - 1
        for item in ast.walk(tree):
            if isinstance(item, ast.expr | ast.keyword):
                item.lineno = item.end_lineno = start[0]
                item.col_offset += shift
                item.end_col_offset = (item.end_col_offset or 0) + shift
        before, self.record.is_quoted = self.record.is_quoted, True
        self.visit(tree)
        self.record.is_quoted = before

    def subscripted(self, node: ast.Subscript, scope: Scope) -> None:
        """Visit a subscript: of a type, of a namespace by name, or of anything."""
        before = frozenset(scope.dynamic)
        self.visit(node.value)
        if is_namespace(node.value):
            # One name is asked for, which is looked at by itself.
            scope.dynamic -= {"globals"} - before
        if last_name(node.value) in TYPING:
            self.arguments(node)
            return
        if is_namespace(node.value):
            self.by_name(node.slice, node, scope, 0)
            if not isinstance(node.slice, ast.Constant):
                self.module.dynamic_attributes.append((node.slice, scope))
        elif isinstance(node.slice, ast.Constant):
            self.by_name(node.slice, node, scope, 1)
        self.visit(node.slice)

    def assigned(self, targets: Sequence[ast.expr], value: ast.expr, scope: Scope) -> None:
        """Record the names listed in `__all__`, `__slots__` and `__match_args__`."""
        names = {item.id for item in targets if isinstance(item, ast.Name)}
        if scope.kind == "module" and "__all__" in names:
            self.listed("export", value, scope)
        elif scope.kind == "class" and names & {"__slots__", "__match_args__"}:
            self.listed("slot", value, scope)

    def listed(self, kind: str, value: ast.expr, scope: Scope) -> None:
        """Record the strings of a list, or of lists that are added."""
        for item in strings_of(value):
            self.string(kind, item, item, scope, 0)

    def called(self, node: ast.Call, scope: Scope) -> None:
        """Record names given as strings to `getattr` and its like, to `cast`, and to `__all__` itself."""
        name = last_name(node.func)
        if name in BY_NAME:
            for item in node.args:
                self.by_name(item, node, scope, 0)
        elif name == "cast" and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                self.quoted(first)
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        if isinstance(owner, ast.Name) and owner.id == "__all__" and scope.kind == "module":
            for item in node.args:
                self.listed("export", item, scope)

    def by_name(self, item: ast.expr, node: ast.AST, scope: Scope, part: int) -> None:
        """Record a string that may be an attribute's name; `part` 1 asks what it is of."""
        if isinstance(item, ast.Constant) and isinstance(item.value, str):
            self.string("attribute_string", item, node, scope, part)

    def string(self, kind: str, item: ast.Constant, node: ast.AST, scope: Scope, part: int) -> None:
        """Record a whole string."""
        if item.value not in self.wanted:
            return
        place = self.places.inside_string(item)
        if place is None:
            self.module.unclear.append((item.lineno, item.end_lineno or item.lineno))
        else:
            self.record.at(kind, str(item.value), place, scope, node, part)


def strings_of(value: ast.expr) -> Iterator[ast.Constant]:
    """Yield the strings of a display, of sums of displays, and a bare one."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value
    elif isinstance(value, ast.List | ast.Tuple | ast.Set):
        for item in value.elts:
            yield from strings_of(item)
    elif isinstance(value, ast.Dict):
        for key in value.keys:
            if key is not None:
                yield from strings_of(key)
    elif isinstance(value, ast.BinOp):
        yield from strings_of(value.left)
        yield from strings_of(value.right)


def last_name(node: ast.expr) -> str:
    """Return the last part of a dotted name, or nothing."""
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def is_namespace(node: ast.expr) -> bool:
    """Tell whether an expression is a mapping of names: `globals()`, `x.__dict__`."""
    if isinstance(node, ast.Call):
        return last_name(node.func) in NAMESPACES
    return isinstance(node, ast.Attribute) and node.attr in {"__dict__", "modules"}
