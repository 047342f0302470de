"""Write down where wanted names occur."""

import ast
from collections.abc import Sequence

from apps.projects.renaming.scopes.modules import Module
from apps.projects.renaming.scopes.positions import Positions
from apps.projects.renaming.scopes.structure import Occurrence, Scope
from apps.projects.renaming.scopes.tokens import Position


class Recorder:
    """Adds occurrences to a module; one whose place is not found makes the module doubtful."""

    def __init__(self, module: Module, places: Positions, wanted: frozenset[str]) -> None:
        self.module = module
        self.places = places
        self.wanted = wanted
        self.is_quoted = False

    def at(  # noqa: PLR0917 - the fields of an occurrence, in their order
        self,
        kind: str,
        name: str,
        position: Position | None,
        scope: Scope,
        node: ast.AST,
        part: int = 0,
    ) -> None:
        """Add an occurrence, if the name is wanted."""
        if name not in self.wanted:
            return
        text = self.places.reads(position, name) if position is not None else ""
        if position is None or not text:
            self.module.doubt = self.module.doubt or "position"
            return
        self.module.occurrences.append(
            Occurrence(kind, name, text, position[0], position[1] + 1, scope, node, part, self.is_quoted)
        )

    def definition(self, node: ast.AST, name: str, scope: Scope) -> None:
        """Add the name behind `def` or `class`."""
        if name in self.wanted:
            self.at("def", name, self.places.defined(node), scope, node)

    def declared(self, node: ast.AST, names: Sequence[str], scope: Scope) -> None:
        """Add the names of a `global` or `nonlocal` statement."""
        for index, name in enumerate(names):
            if name in self.wanted:
                self.at("declared", name, self.places.declared(node, index), scope, node)

    def matched(self, node: ast.MatchClass, index: int, name: str, scope: Scope) -> None:
        """Add an attribute of a class pattern."""
        if name in self.wanted:
            self.at("match_keyword", name, self.places.matched_keyword(node, index), scope, node, index)

    def imported(self, alias: ast.alias, scope: Scope) -> None:
        """Add the parts of `import a.b as c`."""
        self.parts("import", alias.name, self.places.start(alias), scope, alias)
        if alias.asname in self.wanted:
            self.at("alias", alias.asname or "", self.places.alias(alias), scope, alias)

    def source(self, node: ast.ImportFrom, scope: Scope) -> None:
        """Add the parts of the module behind `from`."""
        self.parts("from_module", node.module or "", self.places.start(node), scope, node)

    def from_name(self, node: ast.ImportFrom, alias: ast.alias, scope: Scope) -> None:
        """Add an imported name, and its alias."""
        index = node.names.index(alias)
        self.at("from_name", alias.name, self.places.start(alias), scope, node, index)
        if alias.asname in self.wanted:
            self.at("alias", alias.asname or "", self.places.alias(alias), scope, alias)

    def parts(self, kind: str, dotted: str, start: Position, scope: Scope, node: ast.AST) -> None:
        """Add the wanted parts of a dotted name."""
        names = dotted.split(".")
        if self.wanted.isdisjoint(names):
            return
        found = list(self.places.dotted(start))
        for index, name in enumerate(names):
            self.at(kind, name, found[index] if index < len(found) else None, scope, node, index)

    def attribute(self, node: ast.Attribute, scope: Scope) -> None:
        """Add an attribute's name."""
        if node.attr in self.wanted:
            self.at("attribute", node.attr, self.places.last_word(node), scope, node)

    def keyword(self, call: ast.Call, item: ast.keyword, scope: Scope) -> None:
        """Add an argument's name."""
        if item.arg in self.wanted:
            part = call.keywords.index(item)
            self.at("keyword", item.arg or "", self.places.start(item), scope, call, part)
