"""Say of one occurrence which binding it means."""

import ast
from typing import Final

from apps.projects.renaming.scopes.census import (
    BUILTINS,
    FUNCTION_ATTRIBUTES,
    OTHER,
    Census,
    Key,
    Resolution,
)
from apps.projects.renaming.scopes.kinds import (
    NONE,
    BuiltinKind,
    ClassKind,
    FunctionKind,
    InstanceKind,
    Kind,
    ModuleKind,
    ParentKind,
    builtin_has,
)
from apps.projects.renaming.scopes.modules import Module, Namespace
from apps.projects.renaming.scopes.structure import FunctionNode, Occurrence, Scope

UNKNOWN_ATTRIBUTE: Final = Resolution(reason="attribute_unknown")
UNKNOWN_KEYWORD: Final = Resolution(reason="keyword_unknown")


class Resolver:
    """Answers for the occurrences of one name."""

    def __init__(self, census: Census) -> None:
        self.census = census
        self.name = census.name
        self.infer = census.inference.infer
        self.classes = census.classes

    def resolve(self, item: Occurrence) -> Resolution:
        """Return what an occurrence means."""
        method = getattr(self, f"_of_{item.kind}", None)
        result: Resolution = method(item) if method is not None else self.plain(item)
        return result

    def plain(self, item: Occurrence) -> Resolution:
        """Resolve a name as the interpreter looks it up."""
        owner = self.census.owner(item.scope)
        return Resolution(owner) if owner is not None else OTHER

    def _of_name(self, item: Occurrence) -> Resolution:
        found = self.plain(item)
        if found.key is None:
            return Resolution(reason="star_foreign") if self.may_come_by_star(item.scope.module) else OTHER
        is_read = isinstance(item.node, ast.Name) and isinstance(item.node.ctx, ast.Load)
        if is_read and found.key is item.scope and item.scope.kind == "class":
            return found if self.is_settled(item) else Resolution(reason="class_body_read")
        return found

    def may_come_by_star(self, module: Module) -> bool:
        """Tell whether a foreign star may bring the name."""
        return bool(module.scope.stars) and self.census.names.star_sources(module, self.name, set())[1]

    def is_settled(self, item: Occurrence) -> bool:
        """Tell whether a read in a class body cannot fall through to a global or builtin of the same name."""
        scope = item.scope
        body = scope.node.body if isinstance(scope.node, ast.ClassDef) else []
        nodes = {id(definer.node) for definer in scope.names.get(self.name, [])}
        for statement in body:
            if (statement.end_lineno or 0) < item.line and any(
                id(part) in nodes for part in shallow(statement)
            ):
                return True
        outer = self.census.owner(scope.parent) if scope.parent is not None else None
        return outer is None and self.name not in BUILTINS

    def _of_param(self, item: Occurrence) -> Resolution:
        return Resolution(item.scope)

    # --- modules

    def _of_import(self, item: Occurrence) -> Resolution:
        alias = item.node
        dotted = ".".join(alias.name.split(".")[: item.part + 1])  # type: ignore[attr-defined]  # an ast.alias
        found = self.census.project.find(dotted, 0, item.scope.module)
        if found is not None:
            return Resolution(found)
        if self.census.project.could_find(dotted, 0, item.scope.module):
            return Resolution(reason="import_unresolved")
        if item.part == 0 and isinstance(alias, ast.alias) and alias.asname is None:
            if "." in alias.name:
                return Resolution(reason="foreign_package")
            return Resolution(self.census.owner(item.scope), is_foreign=True)
        return OTHER

    def _of_from_module(self, item: Occurrence) -> Resolution:
        node = item.node
        if not isinstance(node, ast.ImportFrom):
            return OTHER
        dotted = ".".join((node.module or "").split(".")[: item.part + 1])
        found = self.census.project.find(dotted, node.level, item.scope.module)
        if found is not None:
            return Resolution(found)
        unclear = node.level or self.census.project.could_find(dotted, 0, item.scope.module)
        return Resolution(reason="import_unresolved") if unclear else OTHER

    def _of_from_name(self, item: Occurrence) -> Resolution:
        node = item.node
        if not isinstance(node, ast.ImportFrom):
            return OTHER
        alias = node.names[item.part]
        found = self.census.from_import(alias, item.scope)
        if not found.is_foreign:
            return found
        if alias.asname is not None:
            return OTHER
        return Resolution(self.census.owner(item.scope), is_foreign=True)

    # --- attributes

    def _of_attribute(self, item: Occurrence) -> Resolution:
        node = item.node
        kinds = self.infer(node.value, item.scope) if isinstance(node, ast.Attribute) else None
        if not kinds:
            return UNKNOWN_ATTRIBUTE
        return self.one([self.member(kind) for kind in kinds if kind != NONE], UNKNOWN_ATTRIBUTE)

    def one(self, found: list[Resolution], unknown: Resolution) -> Resolution:
        """Return the one meaning that all possibilities share."""
        if not found:
            return unknown
        vague = next((item for item in found if item.reason), None)
        if vague is not None:
            return vague
        roots = {self.census.root(item.key) if item.key is not None else None for item in found}
        return found[0] if len(roots) == 1 else Resolution(reason="several_meanings")

    def member(self, kind: Kind) -> Resolution:
        """Resolve the name as an attribute of a value."""
        if isinstance(kind, ModuleKind):
            return self.in_module(kind.module)
        if isinstance(kind, ClassKind | InstanceKind | ParentKind):
            found = self.classes.binders(kind, self.name)
            if found:
                return Resolution(found[0])
            below = any(item.binds(self.name) for item in self.classes.below(kind.scope))
            return Resolution(reason="defined_below") if below else UNKNOWN_ATTRIBUTE
        if isinstance(kind, BuiltinKind) and builtin_has(kind.name, self.name):
            return OTHER
        if isinstance(kind, FunctionKind) and self.name in FUNCTION_ATTRIBUTES:
            return OTHER
        return UNKNOWN_ATTRIBUTE

    def in_module(self, module: Module | Namespace) -> Resolution:
        """Resolve the name as an attribute of a module."""
        key: Key | None = self.census.in_module(module)
        return Resolution(key) if key is not None else UNKNOWN_ATTRIBUTE

    def _of_match_keyword(self, item: Occurrence) -> Resolution:
        node = item.node
        kinds = self.infer(node.cls, item.scope) if isinstance(node, ast.MatchClass) else None
        if not kinds or not all(isinstance(kind, ClassKind) for kind in kinds):
            return UNKNOWN_ATTRIBUTE
        return self.one([self.member(kind) for kind in kinds], UNKNOWN_ATTRIBUTE)

    def _of_keyword(self, item: Occurrence) -> Resolution:
        node = item.node
        kinds = self.infer(node.func, item.scope) if isinstance(node, ast.Call) else None
        if not kinds:
            return UNKNOWN_KEYWORD
        return self.one([self.taken(kind) for kind in kinds], UNKNOWN_KEYWORD)

    def taken(self, kind: Kind) -> Resolution:
        """Resolve the name as an argument of a call."""
        if isinstance(kind, FunctionKind):
            return self.parameter(kind.scope)
        if isinstance(kind, ClassKind):
            return self.constructed(kind)
        if isinstance(kind, InstanceKind):
            found = self.classes.binders(kind, "__call__")
            functions = [item for owner in found for item in self.census.functions(owner, "__call__")]
            return self.one([self.parameter(item) for item in functions], UNKNOWN_KEYWORD)
        return UNKNOWN_KEYWORD

    def parameter(self, function: Scope) -> Resolution:
        """Resolve the name as a parameter of one function."""
        if self.census.takes(function):
            return Resolution(function)
        node = function.node
        has_rest = isinstance(node, FunctionNode) and node.args.kwarg is not None
        return Resolution(reason="keyword_forwarded") if has_rest else UNKNOWN_KEYWORD

    def constructed(self, kind: ClassKind) -> Resolution:
        """Resolve the name as an argument of a class: of `__init__`, or a field of a dataclass."""
        owners = self.classes.ancestors(kind.scope)
        if kind.is_open:
            owners = [*owners, *self.classes.below(kind.scope)]
        makers = [item for item in owners if "__init__" in item.names]
        if not self.classes.is_plain(kind.scope):
            return UNKNOWN_KEYWORD
        if makers:
            chosen = makers if kind.is_open else makers[:1]
            functions = [item for owner in chosen for item in self.census.functions(owner, "__init__")]
            return self.one([self.parameter(item) for item in functions], UNKNOWN_KEYWORD)
        fields = [item for item in owners if self.name in item.names and self.classes.is_dataclass(item)]
        return Resolution(fields[0]) if fields else UNKNOWN_KEYWORD

    # --- strings

    def _of_export(self, item: Occurrence) -> Resolution:
        return self.in_module(item.scope.module)

    def _of_slot(self, item: Occurrence) -> Resolution:
        found = self.classes.binders(InstanceKind(item.scope), self.name)
        return Resolution(found[0]) if found else UNKNOWN_ATTRIBUTE

    def _of_attribute_string(self, item: Occurrence) -> Resolution:
        node = item.node
        if item.part and isinstance(node, ast.Subscript):
            kinds = self.infer(node.value, item.scope)
            if not kinds or not any(isinstance(kind, ClassKind) for kind in kinds):
                return OTHER
        return Resolution(reason="attribute_by_string")


def shallow(statement: ast.stmt) -> list[ast.AST]:
    """Return a statement of a class body and the targets in it, if it runs in any case."""
    if isinstance(statement, ast.If | ast.Try | ast.For | ast.While | ast.With | ast.Match):
        return []
    if isinstance(statement, FunctionNode | ast.ClassDef):
        return [statement]
    return list(ast.walk(statement))
