"""Say what an expression may be, or that it is not known: never a part of the truth."""

import ast
from typing import Final

from apps.projects.renaming.scopes.annotations import AnnotationReader
from apps.projects.renaming.scopes.classes import Classes
from apps.projects.renaming.scopes.kinds import (
    NONE,
    UNKNOWN,
    BuiltinKind,
    ClassKind,
    FunctionKind,
    InstanceKind,
    Kind,
    Kinds,
    ModuleKind,
    ParentKind,
    SeriesKind,
    TableKind,
    TupleKind,
    elements,
    union,
    unpacked,
)
from apps.projects.renaming.scopes.lookup import owner_of
from apps.projects.renaming.scopes.modules import Module, Namespace, Project
from apps.projects.renaming.scopes.names import Names
from apps.projects.renaming.scopes.structure import Definer, FunctionNode, Scope

SERIES: Final = frozenset({"list", "tuple", "set", "frozenset", "sorted", "reversed", "iter"})
# Decorators that leave a function or class what it is, by their last name.
HARMLESS: Final = frozenset(
    {"staticmethod", "classmethod", "property", "abstractmethod", "overload", "override", "final", "wraps"}
    | {"lru_cache", "cache", "cached_property", "contextmanager", "asynccontextmanager", "dataclass"}
    | {"total_ordering", "unique", "runtime_checkable", "no_type_check", "setter", "getter", "deleter"}
    | {"singledispatch", "singledispatchmethod", "abstractproperty"}
)
DEPTH_MAX: Final = 40


class Inference:
    """Answers for one project; remembers each answer."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.names = Names(project)
        self.classes = Classes(project, self.infer, self.names)
        self.annotations = AnnotationReader(self.infer, self.names)
        self._known: dict[tuple[int, int], Kinds] = {}
        self._keep: list[ast.AST] = []
        self._open: set[tuple[int, object]] = set()

    def infer(self, node: ast.expr, scope: Scope) -> Kinds:
        """Return what an expression may be."""
        key = (id(node), id(scope))
        if key not in self._known:
            mark = (id(node), None)
            if mark in self._open or len(self._open) > DEPTH_MAX:
                return UNKNOWN
            self._open.add(mark)
            try:
                self._known[key] = self._infer(node, scope)
            finally:
                self._open.discard(mark)
        return self._known[key]

    def _infer(self, node: ast.expr, scope: Scope) -> Kinds:  # one step per kind of node
        method = getattr(self, f"_of_{type(node).__name__.lower()}", None)
        result: Kinds = method(node, scope) if method is not None else UNKNOWN
        return result

    def _of_name(self, node: ast.Name, scope: Scope) -> Kinds:
        return self.named(node.id, scope)

    def _of_constant(self, node: ast.Constant, scope: Scope) -> Kinds:
        return frozenset({BuiltinKind(type(node.value).__name__)})

    def _of_joinedstr(self, node: ast.JoinedStr, scope: Scope) -> Kinds:
        return frozenset({BuiltinKind("str")})

    def _of_compare(self, node: ast.Compare, scope: Scope) -> Kinds:
        return UNKNOWN

    def _of_ifexp(self, node: ast.IfExp, scope: Scope) -> Kinds:
        return union([self.infer(node.body, scope), self.infer(node.orelse, scope)])

    def _of_boolop(self, node: ast.BoolOp, scope: Scope) -> Kinds:
        return union([self.infer(item, scope) for item in node.values])

    def _of_namedexpr(self, node: ast.NamedExpr, scope: Scope) -> Kinds:
        return self.infer(node.value, scope)

    def _of_list(self, node: ast.List | ast.Set, scope: Scope) -> Kinds:
        return frozenset({SeriesKind(union([self.infer(item, scope) for item in node.elts]))})

    _of_set = _of_list

    def _of_tuple(self, node: ast.Tuple, scope: Scope) -> Kinds:
        if any(isinstance(item, ast.Starred) for item in node.elts):
            return UNKNOWN
        return frozenset({TupleKind(tuple(self.infer(item, scope) for item in node.elts))})

    def _of_dict(self, node: ast.Dict, scope: Scope) -> Kinds:
        if any(key is None for key in node.keys):
            return UNKNOWN
        return frozenset({TableKind(union([self.infer(item, scope) for item in node.values]))})

    def _of_listcomp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp, scope: Scope) -> Kinds:
        inner = next((child for child in scope.children if child.node is node), None)
        return frozenset({SeriesKind(self.infer(node.elt, inner))}) if inner is not None else UNKNOWN

    _of_setcomp = _of_generatorexp = _of_listcomp

    def _of_subscript(self, node: ast.Subscript, scope: Scope) -> Kinds:
        kinds = self.infer(node.value, scope)
        if kinds is None:
            return UNKNOWN
        place = node.slice.value if isinstance(node.slice, ast.Constant) else None
        return union([item_of(kind, place, is_slice=isinstance(node.slice, ast.Slice)) for kind in kinds])

    def _of_attribute(self, node: ast.Attribute, scope: Scope) -> Kinds:
        kinds = self.infer(node.value, scope)
        return union([self.attribute(kind, node.attr) for kind in kinds]) if kinds is not None else UNKNOWN

    def _of_call(self, node: ast.Call, scope: Scope) -> Kinds:
        if isinstance(node.func, ast.Name) and owner_of(scope, node.func.id) is None:
            return self.builtin_call(node, node.func.id, scope)
        kinds = self.infer(node.func, scope)
        return union([self.result(kind) for kind in kinds]) if kinds is not None else UNKNOWN

    def builtin_call(self, node: ast.Call, name: str, scope: Scope) -> Kinds:
        """Return what a call of a builtin gives."""
        if name == "super" and not node.args:
            owner = method_class(scope)
            return frozenset({ParentKind(owner)}) if owner is not None else UNKNOWN
        if name in SERIES and len(node.args) == 1:
            return frozenset({SeriesKind(elements(self.infer(node.args[0], scope)))})
        if name in {"str", "int", "bool", "float", "len", "repr"}:
            return frozenset({BuiltinKind({"len": "int", "repr": "str"}.get(name, name))})
        return UNKNOWN

    def result(self, kind: Kind) -> Kinds:
        """Return what calling a value gives."""
        if isinstance(kind, ClassKind) and self.classes.is_plain(kind.scope):
            return frozenset({InstanceKind(kind.scope)})
        if isinstance(kind, FunctionKind):
            return self.returned(kind.scope)
        return UNKNOWN

    def returned(self, function: Scope) -> Kinds:
        """Return what a function gives: its annotation, or all of its returns."""
        node = function.node
        if not isinstance(node, ast.FunctionDef) or (id(function), "returned") in self._open:
            return UNKNOWN
        self._open.add((id(function), "returned"))
        try:
            if node.returns is not None and function.parent is not None:
                return self.annotations.read(node.returns, function.parent, owner=method_class(function))
            returns = own_returns(node)
            if returns is None:
                return UNKNOWN
            return union([self.infer(item, function) if item else frozenset({NONE}) for item in returns])
        finally:
            self._open.discard((id(function), "returned"))

    def named(self, name: str, scope: Scope) -> Kinds:
        """Return what a name may be: all that is ever bound to it."""
        owner = owner_of(scope, name)
        if owner is None:
            source = self.names.star_source(scope.module, name)
            return self.named(name, source.scope) if source is not None else UNKNOWN
        mark = (id(owner), name)
        if mark in self._open or len(self._open) > DEPTH_MAX:
            return UNKNOWN
        self._open.add(mark)
        try:
            return self.bound(owner.names.get(name, []), owner)
        finally:
            self._open.discard(mark)

    def bound(self, definers: list[Definer], owner: Scope) -> Kinds:
        """Return all that definers bind."""
        return union([self.defined(item, owner) for item in definers]) if definers else UNKNOWN

    def defined(self, item: Definer, owner: Scope) -> Kinds:
        """Return what one definer binds."""
        method = getattr(self, f"_by_{item.how}", None)
        result: Kinds = method(item, owner) if method is not None else UNKNOWN
        return result

    def _by_value(self, item: Definer, owner: Scope) -> Kinds:
        return unpacked(self.infer(item.value, item.scope), item.path) if item.value is not None else UNKNOWN

    def _by_annotated(self, item: Definer, owner: Scope) -> Kinds:
        if item.annotation is None:
            return UNKNOWN
        return self.annotations.read(item.annotation, item.scope, owner=method_class(item.scope))

    def _by_iter(self, item: Definer, owner: Scope) -> Kinds:
        if item.value is None:
            return UNKNOWN
        outer = item.scope
        if outer.kind == "comprehension" and is_first_iterable(outer.node, item.value):
            outer = outer.parent or outer
        return unpacked(elements(self.infer(item.value, outer)), item.path)

    def _by_with(self, item: Definer, owner: Scope) -> Kinds:
        kinds = self.infer(item.value, item.scope) if item.value is not None else None
        if kinds is None:
            return UNKNOWN
        return union([self.entered(kind) for kind in kinds])

    def entered(self, kind: Kind) -> Kinds:
        """Return what `with` gives for a context."""
        return union([self.result(item) for item in self.attribute(kind, "__enter__") or [NONE]])

    def _by_except(self, item: Definer, owner: Scope) -> Kinds:
        value = item.value
        nodes = value.elts if isinstance(value, ast.Tuple) else [value] if value is not None else []
        return union([instances(self.infer(node, item.scope)) for node in nodes]) if nodes else UNKNOWN

    def _by_match(self, item: Definer, owner: Scope) -> Kinds:
        return instances(self.infer(item.value, item.scope)) if item.value is not None else UNKNOWN

    def _by_def(self, item: Definer, owner: Scope) -> Kinds:
        scope = self.names.scope_of(item.node, item.scope)
        if scope is None or not isinstance(item.node, FunctionNode):
            return UNKNOWN
        names = self.names.decorators(item.node)
        if names & {"property", "cached_property", "setter", "getter", "deleter"}:
            return self.returned(scope) if names & {"property", "cached_property"} else frozenset()
        if not names <= HARMLESS or names & {"contextmanager", "asynccontextmanager"}:
            return UNKNOWN
        return frozenset({FunctionKind(scope)})

    def _by_class(self, item: Definer, owner: Scope) -> Kinds:
        scope = self.names.scope_of(item.node, item.scope)
        if scope is None or not isinstance(item.node, ast.ClassDef):
            return UNKNOWN
        return frozenset({ClassKind(scope)}) if self.names.decorators(item.node) <= HARMLESS else UNKNOWN

    def _by_param(self, item: Definer, owner: Scope) -> Kinds:
        node = owner.node
        if not isinstance(item.node, ast.arg) or not isinstance(node, FunctionNode | ast.Lambda):
            return UNKNOWN
        if item.annotation is not None and owner.parent is not None:
            kinds = self.annotations.read(item.annotation, owner.parent, owner=method_class(owner))
            if item.node is node.args.vararg:
                return frozenset({SeriesKind(kinds)})
            return frozenset({TableKind(kinds)}) if item.node is node.args.kwarg else kinds
        return self.first_parameter(item.node, owner)

    def first_parameter(self, item: ast.arg, function: Scope) -> Kinds:
        """Return what `self` or `cls` is."""
        node, owner = function.node, function.parent
        if not isinstance(node, FunctionNode) or owner is None or owner.kind != "class":
            return UNKNOWN
        parameters = [*node.args.posonlyargs, *node.args.args]
        names = self.names.decorators(node)
        if not parameters or parameters[0] is not item or "staticmethod" in names:
            return UNKNOWN
        if "classmethod" in names or node.name in {"__new__", "__init_subclass__", "__class_getitem__"}:
            return frozenset({ClassKind(owner, is_open=True)})
        if not names <= HARMLESS or self.classes.is_metaclass(owner):
            return UNKNOWN
        return frozenset({InstanceKind(owner)})

    def _by_import(self, item: Definer, owner: Scope) -> Kinds:
        found = self.names.imported(item.node, item.scope) if isinstance(item.node, ast.alias) else None
        return frozenset({ModuleKind(found)}) if found is not None else UNKNOWN

    def _by_from(self, item: Definer, owner: Scope) -> Kinds:
        if not isinstance(item.node, ast.alias):
            return UNKNOWN
        source = self.names.source_of(item.node, item.scope)
        own = self.project.child(source, item.node.name) if source is item.scope.module else None
        if own is not None:
            return frozenset({ModuleKind(own)})
        return self.attribute(ModuleKind(source), item.node.name) if source is not None else UNKNOWN

    def attribute(self, kind: Kind, name: str) -> Kinds:
        """Return what an attribute of a value may be."""
        if isinstance(kind, ModuleKind):
            return self.module_attribute(kind.module, name)
        if isinstance(kind, ClassKind | InstanceKind | ParentKind):
            found = self.classes.binders(kind, name)
            if not found:
                return UNKNOWN
            parts = [
                self.bound([*item.names.get(name, []), *item.members.get(name, [])], item) for item in found
            ]
            return union(parts)
        return UNKNOWN

    def module_attribute(self, module: Module | Namespace, name: str) -> Kinds:
        """Return what a name of a module is, or its submodule."""
        if isinstance(module, Module) and name in module.scope.names:
            return self.named(name, module.scope)
        found = self.project.child(module, name)
        if found is not None:
            return frozenset({ModuleKind(found)})
        return self.named(name, module.scope) if isinstance(module, Module) else UNKNOWN


def item_of(kind: Kind, place: object, *, is_slice: bool) -> Kinds:
    """Return what a subscript gives."""
    if is_slice:
        return frozenset({kind}) if isinstance(kind, SeriesKind) else UNKNOWN
    if isinstance(kind, TupleKind) and isinstance(place, int) and -len(kind.items) <= place < len(kind.items):
        return kind.items[place]
    if isinstance(kind, TableKind):
        return kind.value
    return elements(frozenset({kind})) if isinstance(kind, SeriesKind | TupleKind) else UNKNOWN


def instances(kinds: Kinds) -> Kinds:
    """Return objects of the classes; unknown if something is no class."""
    if kinds is None or not all(isinstance(kind, ClassKind) for kind in kinds):
        return UNKNOWN
    return frozenset(InstanceKind(kind.scope) for kind in kinds if isinstance(kind, ClassKind))


def method_class(scope: Scope) -> Scope | None:
    """Return the class in whose method, or body, a scope lies."""
    at: Scope | None = scope
    while at is not None and at.kind != "class":
        at = at.parent
    return at


def is_first_iterable(node: ast.AST, value: ast.expr) -> bool:
    """Tell whether an iterable is read in the scope around its comprehension."""
    generators: list[ast.comprehension] = getattr(node, "generators", [])
    return bool(generators) and generators[0].iter is value


def own_returns(node: ast.FunctionDef) -> list[ast.expr | None] | None:
    """Return the values of all returns; None for a generator."""
    found: list[ast.expr | None] = []
    waiting: list[ast.AST] = list(node.body)
    while waiting:
        item = waiting.pop()
        if isinstance(item, ast.Yield | ast.YieldFrom):
            return None
        if isinstance(item, ast.Return):
            found.append(item.value)
        if not isinstance(item, FunctionNode | ast.Lambda | ast.ClassDef):
            waiting.extend(ast.iter_child_nodes(item))
    # The end of the body may be reached as well; what it gives has no attributes to speak of.
    return [*found, None]
