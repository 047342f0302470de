"""The project's own source, parsed once."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings

BASE_DIR: Path = settings.BASE_DIR


@dataclass(frozen=True)
class Module:
    """One Python file of `apps` or `config`, by its dotted name."""

    path: Path
    name: str
    text: str

    @property
    def tree(self) -> ast.Module:
        """Return its syntax tree."""
        return ast.parse(self.text)

    @property
    def app(self) -> str:
        """Return the app it belongs to, `common` included; empty for config."""
        parts = self.name.split(".")
        return parts[1] if parts[0] == "apps" and len(parts) > 1 else ""

    @property
    def is_package(self) -> bool:
        """Tell whether it is a package's own file."""
        return self.path.name == "__init__.py"

    def imports(self, tree: ast.AST | None = None) -> Iterator[str]:
        """Yield the dotted name of everything imported, `from x import y` as `x.y`."""
        for node in ast.walk(tree or self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from (f"{self._base(node)}.{alias.name}" for alias in node.names)

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Yield every function and method."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node

    def _base(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        above = self.name.split(".")
        above = above[: len(above) - node.level + self.is_package]
        return ".".join([*above, *([node.module] if node.module else [])])


@cache
def modules() -> tuple[Module, ...]:
    """Return every module of the product; migrations are generated and left out."""
    paths = [path for root in ("apps", "config") for path in sorted((BASE_DIR / root).rglob("*.py"))]
    return tuple(
        Module(path, _dotted(path), path.read_text()) for path in paths if "migrations" not in path.parts
    )


def _dotted(path: Path) -> str:
    parts = path.relative_to(BASE_DIR).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def files(*suffixes: str) -> list[Path]:
    """Return the templates and static files with one of the suffixes that people wrote here."""
    roots = [BASE_DIR / "templates", BASE_DIR / "static"]
    found = [path for root in roots for path in sorted(root.rglob("*")) if path.suffix in suffixes]
    return [path for path in found if "vendor" not in path.parts]
