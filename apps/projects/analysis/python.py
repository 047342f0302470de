"""The structure of a Python file, by `ast`: nothing of it is imported or run."""

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from apps.projects.analysis.signatures import signature_of
from apps.projects.analysis.values import (
    DOCSTRING_CHARS,
    NAME_CHARS,
    QUALIFIED_CHARS,
    Definition,
    Import,
    Mark,
    clean,
)

DEFINITIONS_MAX: Final = 20_000
CALLS_MAX: Final = 200
DEFINING: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
Defining = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
# What has nothing below it that is looked for; most nodes of a file are such.
LEAVES: Final = frozenset({ast.Name, ast.Constant, ast.Load, ast.Store, ast.Del, ast.Pass, ast.alias})
# Each is one more way through; a boolean operator counts by its operands, a comprehension by its conditions.
BRANCHES: Final = frozenset(
    {ast.If, ast.For, ast.AsyncFor, ast.While, ast.IfExp, ast.ExceptHandler, ast.match_case}
)


@dataclass(slots=True)
class Scope:
    """A definition under way; the top of the file is one, too, without a node."""

    node: Defining | ast.Module
    qualified_name: str = ""
    kind: str = "module"
    is_public: bool = True
    complexity: int = 1
    calls: set[str] = field(default_factory=set)

    @property
    def position(self) -> tuple[int, int]:
        """Return line and column of where it begins."""
        return (0, 0) if isinstance(self.node, ast.Module) else (self.node.lineno, self.node.col_offset)


@dataclass(frozen=True, slots=True)
class PythonFacts:
    """What a file of Python says of itself."""

    docstring: str | None
    definitions: tuple[Definition, ...]
    imports: tuple[Import, ...]
    calls: tuple[str, ...]
    entry_points: tuple[Mark, ...]


def read_python(content: bytes) -> PythonFacts:
    """Return the facts of a file, definitions in the order of their lines.

    Raises SyntaxError, ValueError, RecursionError or MemoryError for what this Python cannot parse.
    """
    tree = ast.parse(content)
    reader = _Reader(tree, content.split(b"\n"))
    reader.walk()
    return PythonFacts(
        docstring=docstring_of(tree),
        definitions=tuple(reader.finished()),
        imports=tuple(sorted(reader.imports, key=lambda found: (found.line, found.module, found.names))),
        calls=tuple(sorted(reader.top.calls)[:CALLS_MAX]),
        entry_points=tuple(reader.entry_points),
    )


def docstring_of(node: Defining | ast.Module) -> str | None:
    """Return a docstring without its indent, None if there is none."""
    found = ast.get_docstring(node)
    return None if found is None else clean(found[:DOCSTRING_CHARS])


class _Reader:
    """One walk over a tree, without recursion: how deep a stranger's code nests is theirs to choose."""

    def __init__(self, tree: ast.Module, lines: Sequence[bytes]) -> None:
        self.top = Scope(tree)
        self.lines = lines
        self.scopes: list[Scope] = []
        self.imports: list[Import] = []
        self.entry_points: list[Mark] = []
        self._waiting: list[tuple[ast.AST, Scope]] = [(child, self.top) for child in tree.body]
        # By class, because a chain of `isinstance` over a million nodes takes longer than parsing them.
        self._visits: dict[type[ast.AST], Callable[[Any, Scope], Scope]] = {
            **dict.fromkeys(DEFINING, self._open),
            **dict.fromkeys(BRANCHES, _branch),
            ast.If: self._branch_if,
            ast.Call: _note_call,
            ast.Import: self._note_import,
            ast.ImportFrom: self._note_import_from,
            ast.BoolOp: _branch_by_operands,
            ast.comprehension: _branch_by_conditions,
        }

    def walk(self) -> None:
        """Visit every node once."""
        waiting, visits = self._waiting, self._visits
        while waiting:
            node, scope = waiting.pop()
            kind = node.__class__
            if kind in LEAVES:
                continue
            visit = visits.get(kind)
            below = visit(node, scope) if visit is not None else scope
            waiting.extend([(child, below) for child in _children(node)])

    def finished(self) -> Iterator[Definition]:
        """Yield the definitions that were met, by line."""
        for scope in sorted(self.scopes, key=lambda scope: scope.position)[:DEFINITIONS_MAX]:
            yield _definition(scope, self.lines)

    def _open(self, node: Defining, outer: Scope) -> Scope:
        name = node.name
        kind = "class" if isinstance(node, ast.ClassDef) else "function"
        if kind == "function" and outer.kind == "class":
            kind = "method"
        scope = Scope(
            node,
            qualified_name=(f"{outer.qualified_name}.{name}" if outer.qualified_name else name)[
                :QUALIFIED_CHARS
            ],
            kind=kind,
            is_public=outer.is_public and outer.kind in {"module", "class"} and not name.startswith("_"),
        )
        self.scopes.append(scope)
        return scope

    def _note_import(self, node: ast.Import, scope: Scope) -> Scope:
        self.imports += [Import(module=alias.name, line=node.lineno) for alias in node.names]
        return scope

    def _note_import_from(self, node: ast.ImportFrom, scope: Scope) -> Scope:
        names = tuple(alias.name for alias in node.names)
        found = Import(module=node.module or "", line=node.lineno, names=names, level=node.level)
        self.imports.append(found)
        return scope

    def _branch_if(self, node: ast.If, scope: Scope) -> Scope:
        left = node.test.left if isinstance(node.test, ast.Compare) else None
        is_of_name = isinstance(left, ast.Name) and left.id == "__name__"
        if scope is self.top and is_of_name:
            self.entry_points.append(Mark(kind="main", line=node.lineno, text="__main__"))
        return _branch(node, scope)


def _branch(_node: ast.AST, scope: Scope) -> Scope:
    scope.complexity += 1
    return scope


def _branch_by_operands(node: ast.BoolOp, scope: Scope) -> Scope:
    scope.complexity += len(node.values) - 1
    return scope


def _branch_by_conditions(node: ast.comprehension, scope: Scope) -> Scope:
    scope.complexity += 1 + len(node.ifs)
    return scope


def _note_call(node: ast.Call, scope: Scope) -> Scope:
    if isinstance(node.func, ast.Name):
        scope.calls.add(node.func.id)
    elif isinstance(node.func, ast.Attribute):
        scope.calls.add(node.func.attr)
    return scope


def _children(node: ast.AST) -> Iterator[ast.AST]:
    for name in node._fields:
        value = getattr(node, name, None)
        if isinstance(value, list):
            yield from [item for item in value if isinstance(item, ast.AST)]
        elif isinstance(value, ast.AST):
            yield value


def _body_line(node: Defining, lines: Sequence[bytes]) -> int | None:
    first = node.body[0]
    before = lines[first.lineno - 1][: first.col_offset] if first.lineno <= len(lines) else b"?"
    # A decorator stands above the line of what it decorates.
    return first.lineno if not before.strip() and not getattr(first, "decorator_list", ()) else None


def _definition(scope: Scope, lines: Sequence[bytes]) -> Definition:
    node = scope.node
    assert not isinstance(node, ast.Module)  # noqa: S101 - nothing opens another scope of this kind
    return Definition(
        name=node.name[:NAME_CHARS],
        qualified_name=scope.qualified_name,
        kind=scope.kind,
        line_start=node.lineno,
        line_end=node.end_lineno or node.lineno,
        signature=signature_of(node),
        docstring=docstring_of(node),
        calls=tuple(sorted(scope.calls)[:CALLS_MAX]),
        complexity=0 if isinstance(node, ast.ClassDef) else scope.complexity,
        is_public=scope.is_public,
        body_line=_body_line(node, lines),
    )
