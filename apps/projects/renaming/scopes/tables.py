"""Compare our scopes with those of the interpreter's own symbol table."""

import symtable
import warnings
from collections import defaultdict

from apps.projects.renaming.scopes.lookup import owner_of
from apps.projects.renaming.scopes.modules import Module
from apps.projects.renaming.scopes.structure import Scope

NAMES = {"ListComp": "listcomp", "SetComp": "setcomp", "DictComp": "dictcomp", "GeneratorExp": "genexpr"}


def agree(module: Module) -> bool:
    """Tell whether every scope is there, and every name is local, free or global as we say."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table = symtable.symtable(module.text, module.path, "exec")
    except (SyntaxError, ValueError, RecursionError):
        return False
    return scopes_agree(module.scope, table)


def scopes_agree(scope: Scope, table: symtable.SymbolTable) -> bool:
    """Compare one scope, then those inside: of one kind and name in their order."""
    if not all(symbol_agrees(scope, symbol) for symbol in table.get_symbols()):
        return False
    ours, theirs = defaultdict(list), defaultdict(list)
    for child in scope.children:
        ours[("class" if child.kind == "class" else "function", NAMES.get(child.name, child.name))].append(
            child
        )
    for inner in table.get_children():
        kind = str(getattr(inner.get_type(), "value", inner.get_type()))
        if kind in {"class", "function"}:
            theirs[(kind, inner.get_name())].append(inner)
    if {key: len(items) for key, items in ours.items()} != {key: len(items) for key, items in theirs.items()}:
        return False
    return all(
        scopes_agree(child, inner)
        for key, items in ours.items()
        for child, inner in zip(items, theirs[key], strict=True)
    )


def symbol_agrees(scope: Scope, symbol: symtable.Symbol) -> bool:
    """Compare where one name belongs; mangled names and the interpreter's own are left out."""
    name = symbol.get_name()
    if "__" in name or name.startswith("."):
        return True
    owner = owner_of(scope, name)
    if scope.kind == "module":
        return True
    if symbol.is_free():
        return owner is not None and owner is not scope and owner.kind not in {"module", "class"}
    if symbol.is_global():
        return owner is None or owner.kind == "module"
    return owner is scope or not symbol.is_referenced()
