"""Parsed files, and which of them an import means."""

import ast
import re
import unicodedata
import warnings
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Final

from apps.projects.renaming.scopes.fields import Ground
from apps.projects.renaming.scopes.structure import Occurrence, Scope
from apps.projects.renaming.scopes.tokens import Tokens

INIT: Final = "__init__.py"
# What Python 2 allows alone.
PYTHON_2: Final = re.compile(
    r"^\s*(?:print\s+[^=\s(]|print\s*$|exec\s+[^=\s(]|except\s+[\w.]+\s*,\s*\w+\s*:|raise\s+\w+\s*,)|<>|`[^`\n]+`"
    r"|\bur['\"]|\b0[0-7]+\b|\b\d+[lL]\b",
    re.MULTILINE,
)


class Unparsed(Exception):
    """The file is no Python of this interpreter; the text says of which kind."""


class Module:
    """A file that parses. `doubt` is set where our own view of it is not to be trusted."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self.tree = parse(text)
        self.ground = Ground(text)
        self.doubt = ""
        self.scopes: list[Scope] = []
        self.occurrences: list[Occurrence] = []
        self.literals: set[str] = set()
        # The expressions by which attributes are asked for where they are no constant.
        self.dynamic_attributes: list[tuple[ast.expr, Scope]] = []
        self.from_imports: list[ast.ImportFrom] = []
        self.unclear: list[tuple[int, int]] = []
        self.printing: list[tuple[int, int]] = []

    @property
    def scope(self) -> Scope:
        """Return the scope of the module itself."""
        return self.scopes[0]

    @property
    def is_package(self) -> bool:
        """Tell whether the file stands for its folder."""
        return self.path.rpartition("/")[2] == INIT

    @property
    def folder(self) -> str:
        """Return the folder's path with its slash, or nothing at the top."""
        return self.path[: self.path.rfind("/") + 1]

    @cached_property
    def tokens(self) -> Tokens:
        """Return the file's tokens."""
        return Tokens(self.text)

    def mentions(self, names: Iterable[str]) -> bool:
        """Tell whether one of the names can occur in the file."""
        text = self.text if self.text.isascii() else unicodedata.normalize("NFKC", self.text)
        return any(name in text for name in names)


def parse(text: str) -> ast.Module:
    """Parse a file; raises Unparsed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError) as error:
        raise Unparsed("python_2" if PYTHON_2.search(text) else "does_not_parse") from error
    except (RecursionError, MemoryError) as error:
        raise Unparsed("too_deep") from error


class Namespace:
    """A folder without `__init__.py` that holds modules."""

    def __init__(self, path: str) -> None:
        self.path = path


class Project:
    """The files by path, and where imports look for them."""

    def __init__(self, modules: Mapping[str, Module]) -> None:
        self.modules = dict(modules)
        self.folders: dict[str, Namespace] = {}
        for path in self.modules:
            for end in (place for place, character in enumerate(path, 1) if character == "/"):
                self.folders.setdefault(path[:end], Namespace(path[:end]))
        self.roots = sorted({self.root_of(path) for path in self.modules} | {"", "src/"})

    def root_of(self, path: str) -> str:
        """Return the folder that must be on the search path for a file's absolute name to work."""
        folder = path[: path.rfind("/") + 1]
        while folder and f"{folder}{INIT}" in self.modules:
            folder = folder[: folder.rfind("/", 0, -1) + 1]
        return folder

    def find(self, dotted: str, level: int, importer: Module) -> Module | Namespace | None:
        """Return what an import names: level 0 is absolute. None for a foreign or an ambiguous one."""
        parts = dotted.split(".") if dotted else []
        if level:
            folder = importer.folder
            for _ in range(level - 1):
                folder = folder[: folder.rfind("/", 0, -1) + 1]
            return self.at(folder, parts)
        own = self.at(self.root_of(importer.path), parts)
        if isinstance(own, Module):
            return own
        found = {id(item): item for root in self.roots if (item := self.at(root, parts)) is not None}
        modules = {key: item for key, item in found.items() if isinstance(item, Module)}
        whole = list((modules or found).values())
        return whole[0] if len(whole) == 1 else None

    def could_find(self, dotted: str, level: int, importer: Module) -> bool:
        """Tell whether an import may mean one of several files."""
        parts = dotted.split(".") if dotted else []
        return not level and any(self.at(root, parts) is not None for root in self.roots)

    def at(self, folder: str, parts: list[str]) -> Module | Namespace | None:
        """Return the module of a dotted name below a folder."""
        stem = folder + "/".join(parts)
        base = stem if not parts else f"{stem}/"
        for path in (f"{base}{INIT}", f"{stem}.py" if parts else ""):
            if path in self.modules:
                return self.modules[path]
        return self.folders.get(base)

    def child(self, parent: Module | Namespace, name: str) -> Module | Namespace | None:
        """Return a submodule."""
        if isinstance(parent, Namespace):
            return self.at(parent.path, [name])
        return self.at(parent.folder, [name]) if parent.is_package else None
