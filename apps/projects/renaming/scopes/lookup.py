"""Find the scope that a name belongs to, as the interpreter does."""

from apps.projects.renaming.scopes.structure import Scope

FUNCTIONS = frozenset({"function", "lambda", "comprehension"})


def owner_of(scope: Scope, name: str) -> Scope | None:
    """Return the scope that binds the name as seen from `scope`; None where only stars or builtins are left.

    Scopes of classes are seen from themselves alone.
    """
    if name in scope.globals:
        return scope.module.scope
    at: Scope | None = scope
    while at is not None:
        seen = at is scope or at.kind != "class"
        if seen and name in at.globals:
            return at.module.scope
        if seen and name in at.names and name not in at.nonlocals:
            return at
        at = at.parent
    return None


def visible_from(scope: Scope, name: str) -> list[Scope]:
    """Return every scope whose binding of the name is seen, or hidden by a nearer one."""
    found: list[Scope] = []
    at: Scope | None = scope
    while at is not None:
        if (at is scope or at.kind != "class") and name in at.names:
            found.append(at)
        at = at.parent
    return found
