"""Files read together: modules by name, who imports whom, who calls whom by name.

Names alone connect them: which of several equal names is meant, nobody knows here, and no text claims it.
"""

import functools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from apps.projects.analysis.values import Definition, FileFacts, Import
from apps.projects.documenting.results import Unscanned
from apps.projects.documenting.sources import ListedFile


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file and what its content says."""

    file: ListedFile
    facts: FileFacts


@dataclass(frozen=True)
class Structure:
    """The files that were read, in the order of their paths, and those that were not, with reasons."""

    files: tuple[ReadFile, ...]
    unscanned: tuple[Unscanned, ...] = ()
    is_partial: bool = False

    @functools.cached_property
    def packages(self) -> frozenset[str]:
        """Return the folders that are Python packages."""
        names = (read.file.path for read in self.files)
        return frozenset(
            path.rpartition("/")[0] for path in names if path.rpartition("/")[2] == "__init__.py"
        )

    @functools.cached_property
    def modules(self) -> Mapping[str, str]:
        """Return the path of each Python module by its name, from its topmost package on."""
        python = (read.file.path for read in self.files if read.file.path.endswith(".py"))
        return {module_name(path, self.packages): path for path in python}

    @functools.cached_property
    def dependents(self) -> Mapping[str, tuple[str, ...]]:
        """Return the paths of the files that import a file, by its path."""
        found: dict[str, set[str]] = defaultdict(set)
        for read in self.files:
            for path in self.imported_by(read):
                found[path].add(read.file.path)
        return {path: tuple(sorted(paths)) for path, paths in found.items()}

    @functools.cached_property
    def callers(self) -> Mapping[str, tuple[str, ...]]:
        """Return who calls a plain name: `path:qualified name`, for the top of a file its path."""
        found: dict[str, set[str]] = defaultdict(set)
        for read in self.files:
            path = read.file.path
            for name in read.facts.calls:
                found[name].add(path)
            for definition in read.facts.definitions:
                for name in definition.calls:
                    found[name].add(f"{path}:{definition.qualified_name}")
        return {name: tuple(sorted(places)) for name, places in found.items()}

    @functools.cached_property
    def defined_names(self) -> frozenset[str]:
        """Return all plain names that a file defines."""
        return frozenset(definition.name for read in self.files for definition in read.facts.definitions)

    def imported_by(self, read: ReadFile) -> set[str]:
        """Return the paths of the files of the project that a file imports."""
        own = module_name(read.file.path, self.packages)
        is_package = read.file.path.endswith("__init__.py")
        names = {name for found in read.facts.imports for name in _imported(found, own, is_package)}
        return {self.modules[name] for name in names if name in self.modules} - {read.file.path}

    def outside_imports(self, read: ReadFile) -> tuple[str, ...]:
        """Return the modules that a file imports and the project does not hold, as they are written."""
        tops = {name.partition(".")[0] for name in self.modules}
        found = {item.module for item in read.facts.imports if not item.level}
        return tuple(sorted(name for name in found if name.partition(".")[0] not in tops))


def module_name(path: str, packages: Iterable[str] | frozenset[str]) -> str:
    """Return the dotted name under which a file of Python is imported, by the packages around it."""
    folder, _, name = path.rpartition("/")
    parts = [] if name == "__init__.py" else [name.removesuffix(".py")]
    while folder and folder in packages:
        folder, _, last = folder.rpartition("/")
        parts.insert(0, last)
    return ".".join(parts)


def _imported(found: Import, own: str, is_package: bool) -> list[str]:
    """Return the modules that an import may mean: its names may be modules or not."""
    base = found.module
    if found.level:
        parts = own.split(".") if own else []
        kept = parts[: len(parts) - found.level + (1 if is_package else 0)]
        base = ".".join([*kept, found.module] if found.module else kept)
    prefix = f"{base}." if base else ""
    return [base, *(prefix + name for name in found.names)]


def is_public_module(path: str) -> bool:
    """Tell whether no part of a path is private: a leading underscore, but for dunder names."""
    parts = path.removesuffix(".py").split("/")
    return all(not part.startswith("_") or part.startswith("__") for part in parts)


def public_definitions(facts: FileFacts) -> Sequence[Definition]:
    """Return the definitions of a file that others may use."""
    return [definition for definition in facts.definitions if definition.is_public]
