"""How Python's definitions read in one line."""

import ast
from typing import Final

from apps.projects.analysis.values import SIGNATURE_CHARS

UNPRINTABLE: Final = "..."
Function = ast.FunctionDef | ast.AsyncFunctionDef


def signature_of(node: Function | ast.ClassDef) -> str:
    """Return `def name(arguments) -> result` or `class Name(Base)`, as `ast.unparse` words the parts."""
    if isinstance(node, ast.ClassDef):
        bases = [_text(base) for base in node.bases]
        bases += [
            f"{word.arg}={_text(word.value)}" if word.arg else f"**{_text(word.value)}"
            for word in node.keywords
        ]
        whole = f"class {node.name}" + (f"({', '.join(bases)})" if bases else "")
    else:
        before = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
        result = f" -> {_text(node.returns)}" if node.returns is not None else ""
        whole = f"{before} {node.name}({_text(node.args)}){result}"
    return whole[:SIGNATURE_CHARS]


def _text(node: ast.AST) -> str:
    """Return a part's source; what nests too deep for the printer is left out."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.arguments) and _is_plain(node):
        return ", ".join(argument.arg for argument in node.args)
    try:
        return ast.unparse(node)
    except (RecursionError, ValueError):
        return UNPRINTABLE


def _is_plain(node: ast.arguments) -> bool:
    """Tell whether the arguments are names alone; most are, and the printer is slow."""
    if node.posonlyargs or node.kwonlyargs or node.vararg or node.kwarg or node.defaults:
        return False
    return all(argument.annotation is None for argument in node.args)
