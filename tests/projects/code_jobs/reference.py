"""The documentation of a Python package, from `ast` alone: what the structural engine must equal."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Defining = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def describe(folder: Path) -> list[tuple[str, str, str, int, int, str, bool]]:
    """Return path, qualified name, kind, lines, signature, docstring presence of each public symbol."""
    return [
        (path, *facts)
        for path in sorted(str(file.relative_to(folder)) for file in folder.rglob("*.py"))
        if is_public(path)
        for facts in symbols(ast.parse((folder / path).read_bytes()))
    ]


def is_public(path: str) -> bool:
    parts = path.removesuffix(".py").split("/")
    return not any(part.startswith("_") and not part.startswith("__") for part in parts)


def symbols(tree: ast.Module) -> list[Any]:
    """Return the facts of a module's public definitions, by position."""
    found = sorted(walk(tree, "", "module"), key=lambda each: each[0])
    return [facts for _position, facts in found]


def walk(node: ast.AST, outer: str, kind: str) -> Iterator[tuple[tuple[int, int], Any]]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, Defining):
            yield from walk(child, outer, kind)
        elif not child.name.startswith("_"):
            name = f"{outer}.{child.name}" if outer else child.name
            yield (child.lineno, child.col_offset), facts(child, name, kind)
            if isinstance(child, ast.ClassDef):
                yield from walk(child, name, "class")


def facts(node: Defining, name: str, within: str) -> tuple[str, str, int, int, str, bool]:
    kind = "class" if isinstance(node, ast.ClassDef) else "method" if within == "class" else "function"
    docstring = ast.get_docstring(node) is not None
    return name, kind, node.lineno, node.end_lineno or 0, signature(node), docstring


def signature(node: Defining) -> str:
    """Return the head of a definition as the printer of Python writes it, on one line."""
    bare = ast.parse(ast.unparse(node)).body[0]
    assert isinstance(bare, Defining)
    bare.body, bare.decorator_list = [ast.Pass()], []
    head = ast.unparse(bare).removesuffix(":\n    pass")
    return head.replace("\n", " ")
