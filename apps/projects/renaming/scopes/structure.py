"""The pieces of a scope tree: scopes, what binds a name in them, where a wanted name stands."""

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apps.projects.renaming.scopes.modules import Module

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@dataclass(frozen=True, slots=True, eq=False)
class Definer:
    """One place that binds a name.

    `how` is import, from, star, def, class, param, value, annotated, iter, with, except, match or other;
    `value` what it is taken from, `path` the way into a tuple that is unpacked.
    """

    how: str
    node: ast.AST
    scope: "Scope"
    value: ast.expr | None = None
    annotation: ast.expr | None = None
    path: tuple[int, ...] = ()


@dataclass(slots=True, eq=False)
class Scope:
    """A block of code that has names of its own.

    `kind` is module, class, function, lambda or comprehension; `number` counts the scopes of a file in order:
    a rename leaves it as it is. `members` of a class are what its methods set on `self`.
    """

    kind: str
    name: str
    node: ast.AST
    module: "Module"
    parent: "Scope | None"
    number: int
    names: dict[str, list[Definer]] = field(default_factory=dict)
    members: dict[str, list[Definer]] = field(default_factory=dict)
    globals: set[str] = field(default_factory=set)
    nonlocals: set[str] = field(default_factory=set)
    children: list["Scope"] = field(default_factory=list)
    stars: list[ast.ImportFrom] = field(default_factory=list)
    # What is called here of `locals`, `eval` and their like.
    dynamic: set[str] = field(default_factory=set)

    @property
    def key(self) -> tuple[str, int]:
        """Name the scope over all analyses of the same file."""
        return (self.module.path, self.number)

    def binds(self, name: str) -> bool:
        """Tell whether the name is the scope's own, as a name or as a member."""
        return name in self.names or name in self.members


@dataclass(frozen=True, slots=True, eq=False)
class Occurrence:
    """A wanted name in the source: `text` as written there, which NFKC may change; columns from 1.

    `kind` is name, def, param, keyword, attribute, import, from_module, from_name, alias, declared, except,
    capture, match_keyword, export, slot or attribute_string; `part` the place in a dotted name or a list.
    """

    kind: str
    name: str
    text: str
    line: int
    column: int
    scope: Scope
    node: ast.AST
    part: int = 0
    is_quoted: bool = False


def own_parameters(arguments: ast.arguments) -> list[ast.arg]:
    """Return all parameters, in the order in which the interpreter's symbol table sees them."""
    starred = [item for item in (arguments.vararg, arguments.kwarg) if item is not None]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *starred]


def keyword_parameters(arguments: ast.arguments) -> list[ast.arg]:
    """Return the parameters that a call may name."""
    return [*arguments.args, *arguments.kwonlyargs]
