"""The child that looks at some lines of a file of Python: what encloses them, what they bind, use and do."""

import ast
from collections.abc import Iterator
from typing import IO, Any, Final

import msgspec

from apps.projects.analysis.signatures import signature_of
from apps.projects.analysis.values import clean

NAMES_MAX: Final = 200
UNREADABLE: Final = (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError)
BRANCHES: Final[dict[type[ast.AST], str]] = {
    ast.If: "if",
    ast.For: "for",
    ast.AsyncFor: "async for",
    ast.While: "while",
    ast.Try: "try",
    ast.With: "with",
    ast.AsyncWith: "async with",
    ast.Match: "match",
    ast.IfExp: "conditional expression",
    ast.Return: "return",
    ast.Yield: "yield",
    ast.Raise: "raise",
}


class Lines(msgspec.Struct, frozen=True):
    """A file, and the lines of it that are asked about."""

    content: bytes
    line_start: int
    line_end: int


class Step(msgspec.Struct, frozen=True):
    """A statement that decides where a program goes on."""

    kind: str
    line: int


class Explained(msgspec.Struct, frozen=True):
    """What lines of a file do; empty but for `unscanned` if the file cannot be parsed.

    `symbol` is the innermost definition around all of them, `name` its plain name. Names are sorted.
    """

    unscanned: str = ""
    symbol: str = ""
    name: str = ""
    signature: str = ""
    symbol_start: int = 0
    symbol_end: int = 0
    bound: tuple[str, ...] = ()
    used: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    raises: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()


def main(stdin: IO[bytes], stdout: IO[bytes]) -> None:
    """Explain the lines that come in."""
    asked = msgspec.msgpack.decode(stdin.read(), type=Lines)
    stdout.write(msgspec.msgpack.encode(explain(asked)))


def explain(asked: Lines) -> Explained:
    """Return what the lines do."""
    try:
        tree = ast.parse(asked.content)
        return _explained(tree, asked)
    except UNREADABLE:
        return Explained(unscanned="not_parsable")


def _explained(tree: ast.Module, asked: Lines) -> Explained:
    nodes = list(_within(tree, asked))
    enclosing = _enclosing(tree, asked)
    symbol = enclosing[-1] if enclosing else None
    return Explained(
        symbol=".".join(node.name for node in enclosing),
        name=symbol.name if symbol else "",
        signature=signature_of(symbol) if symbol else "",
        symbol_start=symbol.lineno if symbol else 0,
        symbol_end=(symbol.end_lineno or symbol.lineno) if symbol else 0,
        bound=_names(name for node in nodes for name in _bound(node)),
        used=_names(
            node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        ),
        calls=_names(_text(node.func) for node in nodes if isinstance(node, ast.Call)),
        raises=_names(_text(node.exc) for node in nodes if isinstance(node, ast.Raise) and node.exc),
        steps=tuple(_steps(nodes)),
    )


def _within(tree: ast.Module, asked: Lines) -> Iterator[ast.AST]:
    """Yield the nodes that begin on the lines."""
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if asked.line_start <= line <= asked.line_end:
            yield node


def _enclosing(tree: ast.Module, asked: Lines) -> list[Any]:
    """Return the definitions around all of the lines, the outermost first."""
    defining = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, defining)
        and _first_line(node) <= asked.line_start
        and (node.end_lineno or node.lineno) >= asked.line_end
    ]
    return sorted(around, key=_first_line)


def _first_line(node: Any) -> int:
    lines: list[int] = [node.lineno, *(decorator.lineno for decorator in node.decorator_list)]
    return min(lines)


def _bound(node: ast.AST) -> list[str]:
    """Return the names that a node gives a value."""
    match node:
        case ast.Name(ctx=ast.Store()):
            return [node.id]
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [node.name]
        case ast.arg():
            return [node.arg]
        case ast.alias():
            return [node.asname or node.name]
        case ast.ExceptHandler(name=str(name)):
            return [name]
    return []


def _text(node: ast.AST) -> str:
    """Return what is called or raised, without its arguments."""
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_text(node.value)}.{node.attr}" if isinstance(node.value, ast.Name) else f"….{node.attr}"
    return "…"


def _steps(nodes: list[ast.AST]) -> list[Step]:
    found = [
        Step(BRANCHES[type(node)], getattr(node, "lineno", 0)) for node in nodes if type(node) in BRANCHES
    ]
    return sorted(found, key=lambda step: (step.line, step.kind))[:NAMES_MAX]


def _names(found: Iterator[str]) -> tuple[str, ...]:
    return tuple(sorted({clean(name) for name in found if name})[:NAMES_MAX])
