"""What the new name would break: asked of the scopes before anything is changed."""

import ast
from collections.abc import Iterable, Iterator

from apps.projects.renaming.naming import is_dunder, is_mangled
from apps.projects.renaming.scopes.doubts import below
from apps.projects.renaming.scopes.foreign import may_define
from apps.projects.renaming.scopes.lookup import owner_of, visible_from
from apps.projects.renaming.scopes.modules import Module
from apps.projects.renaming.scopes.structure import FunctionNode, Occurrence, Scope
from apps.projects.renaming.scopes.target import Target
from apps.projects.renaming.scopes.view import View
from apps.projects.renaming.wire import Clash

# Kinds of occurrences that the interpreter looks up through scopes.
PLAIN = frozenset({"name", "declared", "def", "param", "alias", "except", "capture"})


def find_clashes(view: View, target: Target, bound: Iterable[Occurrence]) -> list[Clash]:
    """Return the conflicts, each once, in order."""
    sites = list(bound)
    found = {
        *name_clashes(view, target, sites),
        *scope_clashes(view, target),
        *member_clashes(view, target),
        *capture_clashes(view, target, sites),
        *outer_clashes(view, target),
        *export_clashes(view, target),
        *keyword_clashes(view, target),
    }
    return sorted(found, key=lambda item: (item.path, item.line, item.code))


def clash(code: str, scope: Scope, node: ast.AST | None = None, detail: str = "") -> Clash:
    """Describe a conflict by where it is."""
    line = getattr(node or scope.node, "lineno", 1)
    return Clash(code, scope.module.path, line, detail)


def name_clashes(view: View, target: Target, sites: list[Occurrence]) -> Iterator[Clash]:
    """Yield what is refused whatever the scopes say: the interpreter's own names, mangling, migrations."""
    at = Clash("", target.symbol.path, target.symbol.line, "")
    if is_dunder(view.old) or is_dunder(view.new):
        yield Clash("dunder", at.path, at.line, "")
    elif is_mangled(view.old) or is_mangled(view.new):
        yield Clash("mangling", at.path, at.line, "")
    for item in sites:
        parts = item.scope.module.path.split("/")
        if "migrations" in parts[:-1]:
            yield Clash("migration", item.scope.module.path, item.line, "")
    for module in view.project.modules.values() if target.symbol.kind == "class" else ():
        if f"_{view.old.lstrip('_')}__" in module.text:
            yield Clash("mangling", module.path, 1, "")


def scope_clashes(view: View, target: Target) -> Iterator[Clash]:
    """Yield scopes that bind the new name already, or see it bound around them."""
    for key in target.family:
        if not isinstance(key, Scope):
            continue
        if (
            key.binds(view.new)
            or view.new in key.globals | key.nonlocals
            or key in view.of_new.census.virtual
        ):
            definers = view.of_new.census.definers(key)
            yield clash("name_taken", key, definers[0].node if definers else None)
        elif key.parent is not None and key.kind != "class" and visible_from(key.parent, view.new):
            yield clash("shadows", visible_from(key.parent, view.new)[0])


def member_clashes(view: View, target: Target) -> Iterator[Clash]:
    """Yield classes, above and below, that have a member of the new name, and foreign bases of either."""
    classes = view.inference.classes
    for key in target.family:
        if not isinstance(key, Scope) or key.kind != "class":
            continue
        for item in classes.below(key):
            for above in classes.ancestors(item):
                if above.binds(view.new):
                    yield clash("name_taken", above)
            for name in classes.foreign(item):
                if may_define(name, view.old) or may_define(name, view.new):
                    yield clash("overrides_external", item, detail=name)
        for found in view.of_new.census.occurrences():
            if found.kind == "attribute_string":
                yield clash("name_taken", found.scope, found.node)


def capture_clashes(view: View, target: Target, sites: list[Occurrence]) -> Iterator[Clash]:
    """Yield sites between which and their binding another scope binds the new name."""
    owners = {id(key) for key in target.family}
    for item in sites:
        at: Scope | None = item.scope
        while item.kind in PLAIN and at is not None and id(at) not in owners:
            if view.new in at.names and (at is item.scope or at.kind != "class"):
                yield Clash("captured", at.module.path, item.line, "")
                break
            at = at.parent


def outer_clashes(view: View, target: Target) -> Iterator[Clash]:
    """Yield uses of the new name that would mean the renamed symbol: of something around, or of a builtin."""
    scopes = [key for key in target.family if isinstance(key, Scope)]
    inside = {id(scope): scope for scope in scopes}
    for scope in scopes:
        inside |= {id(item): scope for item in below(scope)} if scope.kind != "class" else {}
    for item in view.of_new.census.occurrences():
        around = inside.get(id(item.scope))
        if around is None or item.kind != "name":
            continue
        owner = owner_of(item.scope, view.new)
        if owner is None:
            yield Clash("builtin", item.scope.module.path, item.line, "")
        elif owner is not around and owner in ancestors_of(around):
            yield Clash("shadows", item.scope.module.path, item.line, "")


def ancestors_of(scope: Scope) -> list[Scope]:
    """Return the scopes around a scope."""
    found: list[Scope] = []
    at = scope.parent
    while at is not None:
        found.append(at)
        at = at.parent
    return found


def export_clashes(view: View, target: Target) -> Iterator[Clash]:
    """Yield modules whose `__all__` lists the new name already, or whose star would no longer bring it."""
    for key in target.family:
        if not isinstance(key, Scope) or key.kind != "module":
            continue
        for item in key.module.occurrences:
            if item.name == view.new and item.kind == "export":
                yield clash("exported", key, item.node)
        if view.new.startswith("_") != view.old.startswith("_") and is_starred(view, key.module):
            yield clash("exported", key)


def is_starred(view: View, module: Module) -> bool:
    """Tell whether another file imports everything of a module."""
    return any(
        view.inference.names.source(node, other) is module
        for other in view.project.modules.values()
        for node in other.scope.stars
    )


def keyword_clashes(view: View, target: Target) -> Iterator[Clash]:
    """Yield functions that take the new name among `**` already, as somebody's keyword or key may be."""
    if target.nature != "parameter":
        return
    used = any(item.kind == "keyword" for item in view.of_new.census.occurrences()) or any(
        view.new in module.literals for module in view.project.modules.values()
    )
    for key in target.family:
        node = key.node if isinstance(key, Scope) else None
        if used and isinstance(key, Scope) and isinstance(node, FunctionNode) and node.args.kwarg is not None:
            yield clash("name_taken", key)
