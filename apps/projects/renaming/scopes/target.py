"""Find the symbol that was wished for."""

from collections.abc import Iterator
from dataclasses import dataclass

from apps.projects.renaming.scopes.census import Census, Key
from apps.projects.renaming.scopes.modules import Module
from apps.projects.renaming.scopes.resolving import Resolver
from apps.projects.renaming.scopes.structure import Occurrence, Scope
from apps.projects.renaming.scopes.view import View
from apps.projects.renaming.wire import Symbol

BINDING_ORDER = {"def": 0, "param": 1, "name": 2, "capture": 3, "except": 3, "attribute": 4}
CANDIDATES_MAX = 10


class SymbolError(Exception):
    """No symbol, or several; `code` says which, `candidates` what may have been meant."""

    def __init__(self, code: str, candidates: list[Symbol]) -> None:
        super().__init__(code)
        self.code = code
        self.candidates = candidates[:CANDIDATES_MAX]


@dataclass(frozen=True, slots=True)
class Target:
    """The binding that is renamed, all that is one with it, and where it is defined."""

    root: Key
    family: tuple[Key, ...]
    symbol: Symbol

    @property
    def nature(self) -> str:
        """Return module, member, global, parameter or local: by what else it can be reached."""
        if any(not isinstance(key, Scope) for key in self.family):
            return "module"
        kinds = {key.kind for key in self.family if isinstance(key, Scope)}
        for kind, nature in (("class", "member"), ("module", "global")):
            if kind in kinds:
                return nature
        return "parameter" if self.symbol.kind == "parameter" else "local"


def find_at(view: View, path: str, line: int, column: int) -> Target:
    """Return the symbol whose name covers a place; raises SymbolError."""
    resolver = view.of_old
    module = view.project.modules.get(path)
    for item in module.occurrences if module is not None else []:
        covers = item.line == line and item.column <= column <= item.column + len(item.text)
        if item.name != view.old or not covers:
            continue
        found = resolver.resolve(item)
        if found.key is not None:
            return target_of(resolver, found.key)
        raise SymbolError("symbol_not_found", list(candidates(resolver)))
    raise SymbolError("symbol_not_found", [])


def find_named(view: View, qualified_name: str) -> Target:
    """Return the symbol of a dotted name: module, then scopes, then the name; raises SymbolError."""
    parts = [part for part in qualified_name.split(".") if part != "<locals>"]
    census = view.of_old.census
    roots: dict[int, Key] = {}
    for size in range(len(parts) - 1, -1, -1):
        for place in view.project.roots:
            for key in inner_keys(census, place, parts[:size], parts[size:]):
                roots.setdefault(id(census.root(key)), key)
        if roots:
            break
    if len(roots) == 1:
        return target_of(view.of_old, next(iter(roots.values())))
    if roots:
        raise SymbolError("symbol_ambiguous", [target_of(view.of_old, key).symbol for key in roots.values()])
    raise SymbolError("symbol_not_found", list(candidates(view.of_old)))


def inner_keys(census: Census, place: str, before: list[str], parts: list[str]) -> Iterator[Key]:
    """Yield the bindings of a dotted name inside the module `before`, or the submodule itself."""
    module = census.project.at(place, before) if before else None
    if isinstance(module, Module):
        scopes = [module.scope]
        for part in parts[:-1]:
            scopes = [child for scope in scopes for child in scope.children if child.name == part]
        bound = [scope for scope in scopes if scope.binds(parts[-1])]
        yield from bound
        if bound:
            return
    if len(parts) == 1:
        child = census.project.at(place, [*before, *parts])
        if child is not None:
            yield child


def find_module(view: View, path: str) -> Target:
    """Return a module by its file, a package by its `__init__.py`; raises SymbolError."""
    module = view.project.modules.get(path)
    if module is None:
        raise SymbolError("symbol_not_found", [])
    return target_of(view.of_old, module)


def target_of(resolver: Resolver, key: Key) -> Target:
    """Describe a binding by where it is defined."""
    census = resolver.census
    root = census.root(key)
    family = tuple(census.family(root))
    return Target(root, family, symbol_of(resolver, family))


def symbol_of(resolver: Resolver, family: tuple[Key, ...]) -> Symbol:
    """Return the name, kind and first definition of a family."""
    name = resolver.name
    for key in family:
        if not isinstance(key, Scope):
            return Symbol(name, dotted_path(key.path), "module", key.path, 1, 1)
    scopes = {id(key) for key in family}
    census = resolver.census
    found = [
        item
        for item in census.occurrences()
        if item.kind in BINDING_ORDER and is_binding(item) and id(resolver.resolve(item).key) in scopes
    ]
    if not found:
        found = [item for item in census.occurrences() if id(resolver.resolve(item).key) in scopes]
    if not found:
        raise SymbolError("symbol_not_found", [])
    first = min(found, key=lambda item: (BINDING_ORDER.get(item.kind, 9), item.scope.module.path, item.line))
    return describe(first, resolver.resolve(first).key)


def is_binding(item: Occurrence) -> bool:
    """Tell whether an occurrence binds its name."""
    context = type(getattr(item.node, "ctx", None)).__name__
    return context != "Load"


def describe(item: Occurrence, key: Key | None) -> Symbol:
    """Return an occurrence as the definition of a symbol."""
    scope = key if isinstance(key, Scope) else item.scope
    names = [item.name]
    at: Scope | None = scope
    while at is not None and at.kind != "module":
        names.append(at.name)
        at = at.parent
    module = dotted_path(scope.module.path)
    kind = {"param": "parameter"}.get(item.kind, "attribute" if scope.kind == "class" else "variable")
    if item.kind == "def":
        inside = "method" if scope.kind == "class" else "function"
        kind = "class" if type(item.node).__name__ == "ClassDef" else inside
    qualified = ".".join([part for part in (module, *reversed(names)) if part])
    return Symbol(item.name, qualified, kind, item.scope.module.path, item.line, item.column)


def dotted_path(path: str) -> str:
    """Return the dotted name of a file from the root of the sources."""
    return path.removesuffix(".py").removesuffix("__init__").strip("/").replace("/", ".")


def candidates(resolver: Resolver) -> Iterator[Symbol]:
    """Yield the definitions of the name, wherever."""
    seen: set[int] = set()
    for item in resolver.census.occurrences():
        key = resolver.resolve(item).key
        if key is not None and id(resolver.census.root(key)) not in seen:
            seen.add(id(resolver.census.root(key)))
            yield target_of(resolver, key).symbol
