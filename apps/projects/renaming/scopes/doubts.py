"""Reasons why no site of a symbol is certain, however clear each looks: something reaches it by its name."""

import ast
from collections.abc import Iterable, Iterator

from apps.projects.renaming.scopes.census import BUILTINS
from apps.projects.renaming.scopes.classes import has_strange_metaclass
from apps.projects.renaming.scopes.foreign import SERVED, may_define
from apps.projects.renaming.scopes.inferring import HARMLESS
from apps.projects.renaming.scopes.kinds import ClassKind, FunctionKind
from apps.projects.renaming.scopes.modules import Module
from apps.projects.renaming.scopes.strings import last_name
from apps.projects.renaming.scopes.structure import FunctionNode, Scope
from apps.projects.renaming.scopes.target import Target
from apps.projects.renaming.scopes.view import View
from apps.projects.renaming.scopes.words import word_pattern


def family_doubts(view: View, target: Target) -> list[str]:
    """Return the reasons, each once, in order."""
    return sorted(
        {
            *joining_doubts(view, target),
            *scope_doubts(view, target),
            *member_doubts(view, target),
            *decorator_doubts(view, target),
            *parameter_doubts(view, target),
            *prefix_doubts(view, target),
        }
    )


def joining_doubts(view: View, target: Target) -> Iterator[str]:
    """Yield what was unclear where bindings were joined."""
    census = view.of_old.census
    for key, reason in census.doubts:
        if census.root(key) is target.root:
            yield reason


def scope_doubts(view: View, target: Target) -> Iterator[str]:
    """Yield `scope_by_name` where code reads a scope so, `also_builtin` where a read may fall through."""
    for key in target.family:
        if not isinstance(key, Scope):
            continue
        if is_read_by_name(key, spelled=is_spelled(view)):
            yield "scope_by_name"
        if key.kind == "module" and view.old in BUILTINS:
            yield "also_builtin"


def is_read_by_name(scope: Scope, *, spelled: bool) -> bool:
    """Tell whether `locals()`, `eval()` and the like can see a scope's names.

    `spelled` says whether a string could be what `globals()` is asked for.
    """
    if scope.dynamic - {"globals"}:
        return True
    if scope.kind == "class":
        return False
    if scope.kind == "module":
        words = {"eval", "exec", "globals"} if spelled else {"eval", "exec"}
        return any(item.dynamic & words for item in scope.module.scopes)
    return any(item.dynamic - {"globals"} for item in below(scope))


def is_spelled(view: View) -> bool:
    """Tell whether a string of the code, documentation apart, holds the name as a word."""
    pattern = word_pattern(view.old)
    for module in view.project.modules.values():
        if view.old not in module.text:
            continue
        texts = {id(node.value) for node in ast.walk(module.tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(module.tree):
            value = node.value if isinstance(node, ast.Constant) and id(node) not in texts else None
            if isinstance(value, str) and pattern.search(value):
                return True
    return False


def below(scope: Scope) -> Iterator[Scope]:
    """Yield the scopes inside a scope."""
    for child in scope.children:
        yield child
        yield from below(child)


def member_doubts(view: View, target: Target) -> Iterator[str]:
    """Yield `base_unknown` under a base class nobody can ask, `served_by_name` for what duck typing calls."""
    owners = [key for key in target.family if isinstance(key, Scope) and key.kind == "class"]
    if owners and view.old in SERVED:
        yield "served_by_name"
    for owner in owners:
        for item in view.inference.classes.below(owner):
            foreign = view.inference.classes.foreign(item)
            if any(may_define(name, view.old) is None for name in foreign):
                yield "base_unknown"
            if isinstance(item.node, ast.ClassDef) and has_foreign_metaclass(view, item, item.node):
                yield "base_unknown"


def has_foreign_metaclass(view: View, owner: Scope, node: ast.ClassDef) -> bool:
    """Tell whether a class is made by something outside of the project."""
    if not has_strange_metaclass(node) or owner.parent is None:
        return False
    values = [item.value for item in node.keywords if item.arg == "metaclass"]
    kinds = [view.inference.infer(value, owner.parent) for value in values]
    return any(not found or not all(isinstance(kind, ClassKind) for kind in found) for found in kinds)


def decorator_doubts(view: View, target: Target) -> Iterator[str]:
    """Yield `decorated` where a decorator may register a function or class by its name."""
    census = view.of_old.census
    for key in target.family:
        for item in census.definers(key):
            if isinstance(item.node, FunctionNode | ast.ClassDef):
                yield from (
                    "decorated" for node in item.node.decorator_list if may_register(view, node, item.scope)
                )


def may_register(view: View, node: ast.expr, scope: Scope) -> bool:
    """Tell whether a decorator is foreign and not known as harmless, or reads the name of what it gets."""
    plain = node.func if isinstance(node, ast.Call) else node
    kinds = view.inference.infer(plain, scope)
    if not kinds:
        return last_name(plain) not in HARMLESS
    return any(
        not isinstance(kind, FunctionKind | ClassKind) or reads_names(kind.scope.node) for kind in kinds
    )


def reads_names(node: ast.AST) -> bool:
    """Tell whether code asks something for its name."""
    names = {"__name__", "__qualname__"}
    return any(isinstance(item, ast.Attribute) and item.attr in names for item in ast.walk(node))


def parameter_doubts(view: View, target: Target) -> Iterator[str]:
    """Yield reasons of a function: called by keyword from where we cannot see, or with a mapping."""
    for key in target.family:
        if target.nature != "parameter" or not isinstance(key, Scope) or not view.of_old.census.takes(key):
            continue
        node = key.node
        if not isinstance(node, FunctionNode):
            continue
        around = key.parent or key
        if any(is_foreign(view, item, around) for item in node.decorator_list):
            yield "decorated"
        if node.name.startswith("test"):
            yield "called_by_name"
        yield from use_doubts(view, key, node.name)


def is_foreign(view: View, node: ast.expr, scope: Scope) -> bool:
    """Tell whether a decorator may call the function in ways of its own."""
    plain = node.func if isinstance(node, ast.Call) else node
    return not view.inference.infer(plain, scope) and last_name(plain) not in HARMLESS


def use_doubts(view: View, function: Scope, name: str) -> Iterator[str]:
    """Yield `passed_on` where a function is used without being called, `called_with_mapping` for `**`."""
    is_literal = any(view.old in module.literals for module in view.project.modules.values())
    maker = function.parent if name == "__init__" and function.parent is not None else None
    called = maker.name if maker is not None else name
    for module in view.project.modules.values():
        if not module.mentions([called]):
            continue
        calls = [node for node in ast.walk(module.tree) if isinstance(node, ast.Call)]
        if is_literal and any(is_mapped(node) and last_name(node.func) == called for node in calls):
            yield "called_with_mapping"
        if maker is None and passes_on(module, calls, called):
            yield "passed_on"


def is_mapped(node: ast.Call) -> bool:
    """Tell whether a call unpacks a mapping."""
    return any(item.arg is None for item in node.keywords)


def passes_on(module: Module, calls: Iterable[ast.Call], name: str) -> bool:
    """Tell whether something of this name is read other than to call it."""
    called = {id(node.func) for node in calls}
    return any(
        isinstance(node, ast.Name | ast.Attribute)
        and isinstance(node.ctx, ast.Load)
        and last_name(node) == name
        and id(node) not in called
        for node in ast.walk(module.tree)
    )


def prefix_doubts(view: View, target: Target) -> Iterator[str]:
    """Yield `built_by_string` where an attribute's name is put together from a part that fits."""
    if target.nature not in {"member", "global", "module"}:
        return
    for module in view.project.modules.values():
        for node, scope in module.dynamic_attributes:
            if any(
                view.old.startswith(part) or view.old.endswith(part) for part in constant_parts(node, scope)
            ):
                yield "built_by_string"


def constant_parts(node: ast.expr, scope: Scope) -> Iterator[str]:
    """Yield the words that an attribute's name is put together from."""
    nodes = [node]
    if isinstance(node, ast.Name):
        nodes += [item.value for item in scope.names.get(node.id, []) if item.value is not None]
    for item in nodes:
        if isinstance(item, ast.BinOp | ast.JoinedStr | ast.Call):
            for part in ast.walk(item):
                value = part.value if isinstance(part, ast.Constant) else None
                if isinstance(value, str):
                    yield from (word for word in value.replace("%s", "{}").split("{}") if word)
