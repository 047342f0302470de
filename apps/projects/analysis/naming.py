"""The names of a Python file that another name would serve better.

Conventions of PEP 8, builtins that are hidden, one concept under two names, names of one letter. Nothing here
knows what a name means.
"""

import ast
import builtins
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from apps.projects.analysis.values import BetterName

FILE_MAX: Final = 200
SNAKE: Final = re.compile(r"_*[a-z0-9_]*_*")
CAPITALS: Final = re.compile(r"_*[A-Z][A-Z0-9_]*")
CAP_WORDS: Final = re.compile(r"_*[A-Z][A-Za-z0-9]*")
HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
BUILTINS: Final = frozenset(name for name in dir(builtins) if name.islower() and not name.startswith("_"))
# A short name that stands for a longer one, where a file uses both.
SHORT: Final = {
    "addr": "address", "arg": "argument", "buf": "buffer", "cfg": "config", "cnt": "count", "conf": "config",
    "conn": "connection", "ctx": "context", "cur": "current", "db": "database", "dest": "destination",
    "dir": "directory", "doc": "document", "elem": "element", "err": "error", "exc": "exception",
    "fn": "function", "idx": "index", "img": "image", "info": "information", "len": "length", "lst": "list",
    "mgr": "manager", "msg": "message", "num": "number", "obj": "object", "param": "parameter",
    "pos": "position", "prev": "previous", "pwd": "password", "req": "request", "res": "result",
    "resp": "response", "src": "source", "tmp": "temporary", "txt": "text", "usr": "user", "val": "value",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Binding:
    """A name that is bound: as class, function, argument or variable, in which scope."""

    name: str
    kind: str
    scope: str
    line: int
    is_of_class: bool = False

    @property
    def is_top(self) -> bool:
        """Tell whether it is bound outside of all definitions."""
        return not self.scope


def better_names(content: bytes) -> tuple[BetterName, ...]:
    """Return better names for what a file binds, by line; raises what `ast.parse` does."""
    bindings = list(_bindings(ast.parse(content)))
    names = {binding.name for binding in bindings}
    taken = {(binding.scope, binding.name) for binding in bindings}
    first: dict[tuple[str, str], BetterName] = {}
    for binding in sorted(bindings, key=lambda found: (found.line, found.name)):
        better = _better(binding, names)
        # A name that is taken beside it would hide something.
        if better is not None and (binding.scope, better.proposed) not in taken:
            first.setdefault((binding.scope, binding.name), better)
    return tuple(first.values())[:FILE_MAX]


def _bindings(tree: ast.Module) -> Iterator[Binding]:
    """Yield what a file binds, without recursion."""
    waiting: list[tuple[ast.AST, str, bool]] = [(node, "", False) for node in tree.body]
    while waiting:
        node, scope, is_class = waiting.pop()
        named = _named(node)
        if named is not None:
            name, kind = named
            yield Binding(name, kind, scope, getattr(node, "lineno", 1), is_of_class=is_class)
            if kind in {"class", "function"}:
                scope, is_class = (f"{scope}.{name}" if scope else name), kind == "class"
        waiting.extend((child, scope, is_class) for child in ast.iter_child_nodes(node))


def _named(node: ast.AST) -> tuple[str, str] | None:
    """Return the name that a node binds, and as what."""
    match node:
        case ast.ClassDef():
            return node.name, "class"
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return node.name, "function"
        case ast.arg():
            return node.arg, "argument"
        case ast.Name(ctx=ast.Store()):
            return node.id, "variable"
    return None


def _better(binding: Binding, names: set[str]) -> BetterName | None:
    name = binding.name
    if (name.startswith("__") and name.endswith("__")) or not name.strip("_"):
        return None
    found = _by_convention(binding) or _by_meaning(binding, names)
    if found is None:
        return None
    proposed, reason, confidence = found
    symbol = f"{binding.scope}.{name}" if binding.scope else name
    return BetterName(symbol, binding.line, name, proposed, reason, confidence)


def _by_convention(binding: Binding) -> tuple[str, str, float] | None:
    name = binding.name
    if binding.kind == "class":
        if CAP_WORDS.fullmatch(name):
            return None
        return _cap_words(name), "PEP 8: a class is written in CapWords.", 0.9
    # At the top and in classes, capitals are a constant, and CapWords may be an alias of a type.
    if SNAKE.fullmatch(name) or (binding.kind == "variable" and (CAPITALS.fullmatch(name) or binding.is_top)):
        return None
    return _snake(name), f"PEP 8: a {binding.kind} is written in lower case with underscores.", 0.8


def _by_meaning(binding: Binding, names: set[str]) -> tuple[str, str, float] | None:
    name = binding.name
    if name in BUILTINS and not binding.is_of_class:
        return f"{name}_", f"It hides the builtin {name}.", 0.5 if binding.kind == "argument" else 0.7
    if SHORT.get(name, "") in names:
        return SHORT[name], f"The file uses the name {SHORT[name]}, too.", 0.4
    if len(name) == 1 and name.islower() and binding.is_top:
        return f"{name}_{binding.kind}", "It is a name of one letter at the top of a module.", 0.3
    return None


def _cap_words(name: str) -> str:
    lead = name[: len(name) - len(name.lstrip("_"))]
    return lead + "".join(part[:1].upper() + part[1:] for part in name.split("_") if part)


def _snake(name: str) -> str:
    bare = name.lstrip("_")
    return "_" * (len(name) - len(bare)) + HUMP.sub("_", bare).lower().replace("__", "_")
