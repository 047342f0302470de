"""Every occurrence of one name in a project, and which bindings of it are one: they change together."""

import builtins
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from apps.projects.renaming.scopes.inferring import Inference
from apps.projects.renaming.scopes.lookup import owner_of
from apps.projects.renaming.scopes.modules import Module, Namespace, Project
from apps.projects.renaming.scopes.structure import (
    Definer,
    FunctionNode,
    Occurrence,
    Scope,
    keyword_parameters,
)

Key = Scope | Module | Namespace
BUILTINS: Final = frozenset(dir(builtins))
FUNCTION_ATTRIBUTES: Final = frozenset(dir(types.FunctionType))


@dataclass(frozen=True, slots=True)
class Resolution:
    """What an occurrence means: `key` of its binding, or `reason` why that is not known.

    Neither: something that is no binding of the project. `is_foreign` marks an import of such a thing.
    """

    key: Key | None = None
    reason: str = ""
    is_foreign: bool = False


OTHER: Final = Resolution()


class Census:
    """The bindings of one name, joined where one needs the other."""

    def __init__(self, inference: Inference, name: str) -> None:
        self.inference = inference
        self.project: Project = inference.project
        self.names = inference.names
        self.classes = inference.classes
        self.name = name
        self._above: dict[Key, Key] = {}
        self.doubts: list[tuple[Key, str]] = []
        self.virtual: set[Scope] = set()
        for module in self.project.modules.values():
            self.join_imports(module)
            self.join_stars(module)
        self.join_members()
        self.join_parameters()

    # --- joining

    def root(self, key: Key) -> Key:
        """Return the one binding that stands for all it is joined with."""
        while (above := self._above.get(key)) is not None:
            key = above
        return key

    def join(self, one: Key, other: Key) -> None:
        """Say that two bindings are one."""
        first, second = self.root(one), self.root(other)
        if first is not second:
            self._above[second] = first

    def family(self, key: Key) -> list[Key]:
        """Return all bindings joined with one, itself included."""
        root = self.root(key)
        members = [item for item in self._above if self.root(item) is root]
        return [root, *members]

    def definers(self, key: Key) -> list[Definer]:
        """Return what binds the name in a scope."""
        if not isinstance(key, Scope):
            return []
        return [*key.names.get(self.name, []), *key.members.get(self.name, [])]

    def join_imports(self, module: Module) -> None:
        """Join each import without an alias with what it names."""
        for scope in module.scopes:
            for item in scope.names.get(self.name, []):
                found = self.imported(item)
                if found.key is not None:
                    self.join(found.key, scope)
                elif found.reason:
                    self.doubts.append((scope, found.reason))

    def imported(self, item: Definer) -> Resolution:
        """Return what a definer brings in under its own name."""
        alias = item.node
        if item.how == "import" and getattr(alias, "asname", None) in {None, self.name}:
            if alias.name.partition(".")[0] != self.name:  # type: ignore[attr-defined]  # an ast.alias
                return OTHER
            return Resolution(self.project.find(self.name, 0, item.scope.module))
        if item.how == "from" and alias.name == self.name:  # type: ignore[attr-defined]  # an ast.alias
            return self.from_import(item.node, item.scope)
        return OTHER

    def from_import(self, alias: object, scope: Scope) -> Resolution:
        """Return what `from x import name` means."""
        statement = self.names.statement(alias)  # type: ignore[arg-type]  # an ast.alias
        source = self.names.source(statement, scope.module)
        if source is None:
            unclear = statement.level or self.project.could_find(statement.module or "", 0, scope.module)
            return Resolution(reason="import_unresolved") if unclear else Resolution(is_foreign=True)
        # A package that imports its own submodule by `from . import name` means the file, not itself.
        own = self.project.child(source, self.name) if source is scope.module else None
        key = own or self.in_module(source)
        return Resolution(key) if key is not None else Resolution(reason="import_unresolved")

    def in_module(self, module: Module | Namespace) -> Key | None:
        """Return the binding that the name has as an attribute of a module."""
        if isinstance(module, Module) and self.name in module.scope.names:
            return module.scope
        child = self.project.child(module, self.name)
        if child is None and isinstance(module, Module):
            found, _ = self.names.star_sources(module, self.name, set())
            return module.scope if found else None
        return child

    def join_stars(self, module: Module) -> None:
        """Join a module that gets the name from a star with where it comes from."""
        if not module.scope.stars:
            return
        found, is_open = self.names.star_sources(module, self.name, set())
        is_bound = self.name in module.scope.names
        if found and (is_bound or is_open or len(found) > 1):
            self.doubts.append((module.scope, "star_ambiguous"))
        for source in found.values():
            self.join(source.scope, module.scope)
        if found and not is_bound:
            self.virtual.add(module.scope)

    def join_members(self) -> None:
        """Join the members that a class inherits or overrides: on an object, they are one name."""
        for owner in self.classes.all:
            binders = [item for item in self.classes.ancestors(owner) if item.binds(self.name)]
            for item in binders[1:]:
                self.join(binders[0], item)

    def join_parameters(self) -> None:
        """Join the parameters of methods that override each other: a call by keyword reaches either."""
        for owner in self.classes.all:
            for method in owner.names:
                if method in {"__init__", "__new__"}:
                    continue
                functions = [
                    function
                    for above in self.classes.ancestors(owner)
                    for function in self.functions(above, method)
                    if self.takes(function)
                ]
                for item in functions[1:]:
                    self.join(functions[0], item)

    def functions(self, scope: Scope, name: str) -> Iterator[Scope]:
        """Yield the functions bound to a name."""
        for item in scope.names.get(name, []):
            found = self.names.scope_of(item.node, scope) if item.how == "def" else None
            if found is not None:
                yield found

    def takes(self, function: Scope) -> bool:
        """Tell whether a call may give the name by keyword."""
        node = function.node
        if not isinstance(node, FunctionNode):
            return False
        return any(item.arg == self.name for item in keyword_parameters(node.args))

    # --- resolving

    def occurrences(self) -> Iterator[Occurrence]:
        """Yield all occurrences, by file and in the order they were found."""
        for module in self.project.modules.values():
            for item in module.occurrences:
                if item.name == self.name:
                    yield item

    def owner(self, scope: Scope) -> Scope | None:
        """Return the scope whose binding a plain name means."""
        found = owner_of(scope, self.name)
        if found is None and scope.module.scope in self.virtual:
            return scope.module.scope
        return found
