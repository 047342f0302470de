"""What imports bring in, which scope a definition opened, by which names a function is decorated."""

import ast

from apps.projects.renaming.scopes.lookup import owner_of
from apps.projects.renaming.scopes.modules import Module, Namespace, Project
from apps.projects.renaming.scopes.strings import last_name, strings_of
from apps.projects.renaming.scopes.structure import FunctionNode, Scope


class Names:
    """Answers for one project; remembers each answer."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._scopes = {
            id(scope.node): scope for module in project.modules.values() for scope in module.scopes
        }
        self._statements = {
            id(alias): node
            for module in project.modules.values()
            for node in module.from_imports
            for alias in node.names
        }
        self._exports: dict[str, frozenset[str] | None] = {}

    def scope_of(self, node: ast.AST, around: Scope) -> Scope | None:
        """Return the scope that a definition opened."""
        return self._scopes.get(id(node))

    def imported(self, alias: ast.alias, scope: Scope) -> Module | Namespace | None:
        """Return the module that `import a.b` binds: `a`, or with an alias `a.b`."""
        dotted = alias.name if alias.asname else alias.name.partition(".")[0]
        return self.project.find(dotted, 0, scope.module)

    def source_of(self, alias: ast.alias, scope: Scope) -> Module | Namespace | None:
        """Return the module that a `from` import names."""
        return self.source(self._statements[id(alias)], scope.module)

    def source(self, node: ast.ImportFrom, importer: Module) -> Module | Namespace | None:
        """Return the module behind `from`."""
        return self.project.find(node.module or "", node.level, importer)

    def statement(self, alias: ast.alias) -> ast.ImportFrom:
        """Return the statement that a `from` import's name stands in."""
        return self._statements[id(alias)]

    def star_source(self, module: Module, name: str) -> Module | None:
        """Return the one module from which stars bring a name; None for none, several or foreign ones."""
        found, is_open = self.star_sources(module, name, set())
        return next(iter(found.values())) if len(found) == 1 and not is_open else None

    def star_sources(self, module: Module, name: str, seen: set[str]) -> tuple[dict[str, Module], bool]:
        """Return the modules that define a name behind stars, and whether a foreign star may too."""
        found: dict[str, Module] = {}
        is_open = False
        seen = seen | {module.path}
        for node in module.scope.stars:
            source = self.source(node, module)
            if not isinstance(source, Module):
                is_open = True
            elif source.path not in seen and self.exports(source, name):
                if name in source.scope.names:
                    found[source.path] = source
                else:
                    more, other = self.star_sources(source, name, seen)
                    found |= more
                    is_open = is_open or other
        return found, is_open

    def exports(self, module: Module, name: str) -> bool:
        """Tell whether a star import of the module brings a name."""
        if module.path not in self._exports:
            self._exports[module.path] = listed_exports(module)
        listed = self._exports[module.path]
        return not name.startswith("_") if listed is None else name in listed

    def decorators(self, node: FunctionNode | ast.ClassDef) -> frozenset[str]:
        """Return the last names of all decorators; `?` for what has none."""
        found = []
        for item in node.decorator_list:
            plain = item.func if isinstance(item, ast.Call) else item
            found.append(last_name(plain) or "?")
        return frozenset(found)

    def foreign_name(self, node: ast.expr, scope: Scope) -> str:
        """Return the dotted name of something from outside of the project; `?` for anything else."""
        if isinstance(node, ast.Subscript):
            return self.foreign_name(node.value, scope)
        if isinstance(node, ast.Attribute):
            before = self.foreign_name(node.value, scope)
            return f"{before}.{node.attr}" if before != "?" else "?"
        if not isinstance(node, ast.Name):
            return "?"
        owner = owner_of(scope, node.id)
        if owner is None:
            return f"builtins.{node.id}" if not scope.module.scope.stars else "?"
        definers = owner.names.get(node.id, [])
        found = [item for item in definers if item.how in {"import", "from"}]
        names = {self.foreign_import(item.node, owner.module) for item in found}
        return names.pop() if len(names) == 1 and len(definers) == 1 else "?"

    def foreign_import(self, alias: ast.AST, importer: Module) -> str:
        """Return the dotted name that an import brings in; `?` if it may be of the project."""
        if not isinstance(alias, ast.alias):
            return "?"
        statement = self._statements.get(id(alias))
        dotted = alias.name if statement is None else statement.module or ""
        if (statement is not None and statement.level) or self.project.could_find(dotted, 0, importer):
            return "?"
        if statement is None:
            return alias.name if alias.asname else alias.name.partition(".")[0]
        return f"{statement.module}.{alias.name}"


def listed_exports(module: Module) -> frozenset[str] | None:
    """Return what `__all__` lists; None without one."""
    if "__all__" not in module.scope.names:
        return None
    listed: set[str] = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(last_name(item) == "__all__" for item in targets):
                listed.update(str(item.value) for item in strings_of(node.value))
        elif isinstance(node, ast.Call) and last_name(getattr(node.func, "value", node)) == "__all__":
            listed.update(str(found.value) for item in node.args for found in strings_of(item))
    return frozenset(listed)
