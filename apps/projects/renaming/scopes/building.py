"""Build the scopes of a file, in the order in which the interpreter's own symbol table makes them."""

import ast
from collections.abc import Iterable, Sequence
from typing import Final

from apps.projects.renaming.scopes.fields import FieldsUnclear, place_fields
from apps.projects.renaming.scopes.modules import Module
from apps.projects.renaming.scopes.positions import Positions
from apps.projects.renaming.scopes.recording import Recorder
from apps.projects.renaming.scopes.strings import BY_NAME, StringReader, last_name
from apps.projects.renaming.scopes.structure import (
    Comprehension,
    Definer,
    FunctionNode,
    Scope,
    own_parameters,
)
from apps.projects.renaming.scopes.tables import agree

# They read or write scopes by name; the second ones only without arguments.
DYNAMIC: Final = frozenset({"locals", "eval", "exec", "globals"})
DYNAMIC_BARE: Final = frozenset({"vars", "dir"})
FUNCTIONS: Final = frozenset({"function", "lambda", "comprehension"})


def build(module: Module, wanted: frozenset[str]) -> None:
    """Fill a module's scopes and the occurrences of the wanted names."""
    mentioned = module.mentions(wanted)
    if mentioned:
        try:
            module.printing = place_fields(module.tree, module.ground)
        except (FieldsUnclear, ValueError, IndexError):
            module.doubt = "f_string"
    builder = Builder(module, wanted if mentioned else frozenset())
    builder.run()
    if mentioned and not agree(module):
        module.doubt = module.doubt or "scopes_disagree"


class Builder(ast.NodeVisitor):
    """Walks one file."""

    def __init__(self, module: Module, wanted: frozenset[str]) -> None:
        self.module = module
        self.places = Positions(module)
        self.record = Recorder(module, self.places, wanted)
        self.strings = StringReader(module, self.places, self.record, wanted, self.visit)
        self.scope = self.open("module", "top", module.tree, None)
        self.stores: list[tuple[Scope, ast.Attribute, Definer]] = []

    def run(self) -> None:
        """Build everything."""
        self.visit_all(self.module.tree.body)
        self.bind_nonlocals()
        for scope, target, definer in self.stores:
            bind_member(scope, target, definer)

    def open(self, kind: str, name: str, node: ast.AST, parent: Scope | None) -> Scope:
        """Make a scope."""
        scope = Scope(kind, name, node, self.module, parent, len(self.module.scopes))
        self.module.scopes.append(scope)
        if parent is not None:
            parent.children.append(scope)
        return scope

    def bind(self, name: str, definer: Definer) -> None:
        """Say that the present scope, or the one it declared, binds a name."""
        if name in self.scope.globals:
            self.module.scope.names.setdefault(name, []).append(definer)
        else:
            self.scope.names.setdefault(name, []).append(definer)

    def bind_nonlocals(self) -> None:
        """Move what was bound as nonlocal to the function that owns it."""
        for scope in self.module.scopes:
            for name in scope.nonlocals & scope.names.keys():
                owner = scope.parent
                while owner is not None and not (
                    owner.kind in FUNCTIONS and name in owner.names and name not in owner.nonlocals
                ):
                    owner = owner.parent
                definers = scope.names.pop(name)
                if owner is not None:
                    owner.names[name].extend(definers)

    def visit_all(self, nodes: Iterable[ast.AST | None]) -> None:
        """Visit nodes in order."""
        for node in nodes:
            if node is not None:
                self.visit(node)

    def inside(self, scope: Scope, nodes: Sequence[ast.AST]) -> None:
        """Visit nodes as part of a scope."""
        outer, self.scope = self.scope, scope
        self.visit_all(nodes)
        self.scope = outer

    # --- functions and classes

    def visit_FunctionDef(self, node: FunctionNode) -> None:
        """Bind the name; what stands in the head belongs to the scope around."""
        self.bind(node.name, Definer("def", node, self.scope))
        self.record.definition(node, node.name, self.scope)
        self.refuse_type_parameters(node)
        self.visit_all([*node.args.defaults, *node.args.kw_defaults])
        parameters = own_parameters(node.args)
        for annotation in [item.annotation for item in parameters] + [node.returns]:
            if annotation is not None:
                self.strings.annotation(annotation)
        self.visit_all(node.decorator_list)
        scope = self.open("function", node.name, node, self.scope)
        self.take_parameters(scope, parameters)
        self.inside(scope, node.body)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - the name is ast's

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """Open a scope for a lambda."""
        self.visit_all([*node.args.defaults, *node.args.kw_defaults])
        scope = self.open("lambda", "lambda", node, self.scope)
        self.take_parameters(scope, own_parameters(node.args))
        self.inside(scope, [node.body])

    def take_parameters(self, scope: Scope, parameters: Sequence[ast.arg]) -> None:
        """Bind the parameters in their function's scope."""
        for item in parameters:
            definer = Definer("param", item, scope, annotation=item.annotation)
            scope.names.setdefault(item.arg, []).append(definer)
            self.record.at("param", item.arg, self.places.start(item), scope, item)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Bind the name and open the class's scope."""
        self.bind(node.name, Definer("class", node, self.scope))
        self.record.definition(node, node.name, self.scope)
        self.refuse_type_parameters(node)
        self.visit_all([*node.bases, *node.keywords, *node.decorator_list])
        self.inside(self.open("class", node.name, node, self.scope), node.body)

    def refuse_type_parameters(self, node: ast.AST) -> None:
        """Doubt files with scopes that this interpreter may not even have."""
        if getattr(node, "type_params", None):
            self.module.doubt = "type_parameters"

    def visit_TypeAlias(self, node: ast.AST) -> None:
        """Doubt files with the `type` statement: its value has a scope of its own."""
        self.module.doubt = "type_parameters"
        self.generic_visit(node)

    # --- comprehensions

    def visit_ListComp(self, node: Comprehension) -> None:
        """Open a scope: the first iterable belongs to the one around."""
        first = node.generators[0]
        self.visit(first.iter)
        scope = self.open("comprehension", type(node).__name__, node, self.scope)
        outer, self.scope = self.scope, scope
        for generator in node.generators:
            self.target(generator.target, "iter", generator.iter)
            if generator is not first:
                self.visit(generator.iter)
            self.visit_all(generator.ifs)
        elements = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        self.visit_all(elements)
        self.scope = outer

    visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_ListComp  # noqa: N815 - the names are ast's

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        """Bind in the nearest scope that is no comprehension."""
        self.visit(node.value)
        used, owner = self.scope, self.scope
        while owner.kind == "comprehension" and owner.parent is not None:
            owner = owner.parent
        self.scope = owner
        self.bind(node.target.id, Definer("value", node, owner, value=node.value))
        self.scope = used
        self.record.at("name", node.target.id, self.places.start(node.target), used, node.target)

    # --- names and what binds them

    def visit_Name(self, node: ast.Name) -> None:
        """Record a use; a target that nobody announced binds to something unknown."""
        if isinstance(node.ctx, ast.Store):
            self.bind(node.id, Definer("other", node, self.scope))
        elif isinstance(node.ctx, ast.Del):
            self.scope.names.setdefault(node.id, [])
        elif node.id in DYNAMIC:
            self.scope.dynamic.add(node.id)
        self.record.at("name", node.id, self.places.start(node), self.scope, node)

    def target(
        self,
        node: ast.expr,
        how: str,
        value: ast.expr | None,
        path: tuple[int, ...] = (),
        annotation: ast.expr | None = None,
    ) -> None:
        """Bind what an assignment, loop or `with` fills."""
        if isinstance(node, ast.Name):
            self.bind(node.id, Definer(how, node, self.scope, value, annotation, path))
            self.record.at("name", node.id, self.places.start(node), self.scope, node)
        elif isinstance(node, ast.Tuple | ast.List):
            for place, item in enumerate(node.elts):
                self.target(item, how, value, (*path, place))
        elif isinstance(node, ast.Starred):
            self.target(node.value, "other", None)
        else:
            if isinstance(node, ast.Attribute):
                definer = Definer(how, node, self.scope, value, annotation, path)
                self.stores.append((self.scope, node, definer))
            self.visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        """Bind the targets to the value."""
        self.strings.assigned(node.targets, node.value, self.scope)
        for item in node.targets:
            self.target(item, "value", node.value)
        self.visit(node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Bind to the annotation, which says more than the value."""
        if node.value is not None:
            self.strings.assigned([node.target], node.value, self.scope)
        self.target(node.target, "annotated", node.value, annotation=node.annotation)
        self.strings.annotation(node.annotation)
        self.visit_all([node.value])

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        """Bind to something unknown."""
        self.strings.assigned([node.target], node.value, self.scope)
        self.target(node.target, "other", None)
        self.visit(node.value)

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        """Bind the loop's variables."""
        self.target(node.target, "iter" if isinstance(node, ast.For) else "other", node.iter)
        self.visit_all([node.iter, *node.body, *node.orelse])

    visit_AsyncFor = visit_For  # noqa: N815 - the name is ast's

    def visit_withitem(self, node: ast.withitem) -> None:
        """Bind what the context gives."""
        self.visit(node.context_expr)
        if node.optional_vars is not None:
            self.target(node.optional_vars, "with", node.context_expr)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        """Bind the caught exception."""
        self.visit_all([node.type])
        if node.name is not None:
            self.bind(node.name, Definer("except", node, self.scope, value=node.type))
            self.record.at("except", node.name, self.places.caught(node), self.scope, node)
        self.visit_all(node.body)

    def visit_Global(self, node: ast.Global) -> None:
        """Let names be the module's."""
        self.scope.globals.update(node.names if self.scope.parent is not None else ())
        for name in node.names:
            self.module.scope.names.setdefault(name, [])
        self.record.declared(node, node.names, self.scope)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        """Let names be those of a function around."""
        self.scope.nonlocals.update(node.names)
        self.record.declared(node, node.names, self.scope)

    # --- patterns

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        """Bind a capture."""
        self.visit_all([node.pattern])
        self.capture(node, node.name, node.pattern)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        """Bind the rest of a sequence."""
        self.capture(node, node.name, None)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        """Bind the rest of a mapping."""
        self.visit_all([*node.keys, *node.patterns])
        self.capture(node, node.rest, None)

    def capture(self, node: ast.AST, name: str | None, pattern: ast.pattern | None) -> None:
        """Bind what a pattern captures; a class pattern says what it is."""
        if name is not None:
            value = pattern.cls if isinstance(pattern, ast.MatchClass) else None
            self.bind(name, Definer("match" if value else "other", node, self.scope, value=value))
            self.record.at("capture", name, self.places.captured(node), self.scope, node)

    def visit_MatchClass(self, node: ast.MatchClass) -> None:
        """Record the attributes that a class pattern names."""
        self.visit_all([node.cls, *node.patterns, *node.kwd_patterns])
        for index, name in enumerate(node.kwd_attrs):
            self.record.matched(node, index, name, self.scope)

    # --- modules

    def visit_Import(self, node: ast.Import) -> None:
        """Bind the first part of the name, or its alias."""
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            self.bind(name, Definer("import", alias, self.scope))
            self.record.imported(alias, self.scope)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Bind the names, or remember the star."""
        self.record.source(node, self.scope)
        self.module.from_imports.append(node)
        for alias in node.names:
            if alias.name == "*":
                self.scope.stars.append(node)
                continue
            self.bind(alias.asname or alias.name, Definer("from", alias, self.scope))
            self.record.from_name(node, alias, self.scope)

    # --- attributes

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """Record the attribute, then what it is of."""
        self.record.attribute(node, self.scope)
        self.visit(node.value)

    def visit_Call(self, node: ast.Call) -> None:
        """Record names given by keyword or as a string."""
        self.strings.called(node, self.scope)
        if isinstance(node.func, ast.Name) and node.func.id in DYNAMIC_BARE and not node.args:
            self.scope.dynamic.add(node.func.id)
        if last_name(node.func) in BY_NAME and len(node.args) > 1:
            self.module.dynamic_attributes.extend(
                (item, self.scope) for item in node.args[1:2] if not isinstance(item, ast.Constant)
            )
        for item in node.keywords:
            if item.arg is not None:
                self.record.keyword(node, item, self.scope)
        before = frozenset(self.scope.dynamic)
        self.generic_visit(node)
        if last_name(node.func) in {"eval", "exec"} and len(node.args) > 1:
            # It was given names of its own to work on; if those are a scope's, they say so.
            self.scope.dynamic -= {last_name(node.func)} - before

    def visit_Subscript(self, node: ast.Subscript) -> None:
        """Read strings in type expressions as code."""
        self.strings.subscripted(node, self.scope)

    def visit_Constant(self, node: ast.Constant) -> None:
        """Remember short strings: names may be made of them."""
        if isinstance(node.value, str) and node.value.isidentifier():
            self.module.literals.add(node.value)


def bind_member(scope: Scope, target: ast.Attribute, definer: Definer) -> None:
    """Say that a class gets a member where a method sets it on its first parameter."""
    if not isinstance(target.value, ast.Name):
        return
    owner = scope
    while owner.kind in FUNCTIONS and target.value.id not in owner.names and owner.parent is not None:
        owner = owner.parent
    if is_own_parameter(owner, target.value.id) and owner.parent is not None:
        owner.parent.members.setdefault(target.attr, []).append(definer)


def is_own_parameter(scope: Scope, name: str) -> bool:
    """Tell whether a name is `self` or `cls` of a method and stays so."""
    if not isinstance(scope.node, FunctionNode) or scope.parent is None or scope.parent.kind != "class":
        return False
    if any(isinstance(item, ast.Name) and item.id == "staticmethod" for item in scope.node.decorator_list):
        return False
    parameters = [*scope.node.args.posonlyargs, *scope.node.args.args]
    return bool(parameters) and parameters[0].arg == name and len(scope.names.get(name, ())) == 1
