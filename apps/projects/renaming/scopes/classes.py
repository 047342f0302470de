"""Base classes, and which classes' members are one member through inheritance."""

import ast
from collections.abc import Callable

from apps.projects.renaming.scopes.kinds import ClassKind, InstanceKind, Kinds, ParentKind
from apps.projects.renaming.scopes.modules import Project
from apps.projects.renaming.scopes.names import Names
from apps.projects.renaming.scopes.structure import FunctionNode, Scope


class Classes:
    """The classes of a project and what they inherit."""

    def __init__(self, project: Project, infer: Callable[[ast.expr, Scope], Kinds], names: Names) -> None:
        self.infer = infer
        self.names = names
        self.all = [
            item for module in project.modules.values() for item in module.scopes if item.kind == "class"
        ]
        self._bases: dict[int, tuple[list[Scope], list[str]]] = {}
        self._ancestors: dict[int, list[Scope]] = {}
        self._below: dict[int, list[Scope]] | None = None

    def bases(self, owner: Scope) -> tuple[list[Scope], list[str]]:
        """Return the bases inside the project, and the dotted names of the others; `?` for an unknown one."""
        if id(owner) not in self._bases:
            self._bases[id(owner)] = ([], ["?"])
            self._bases[id(owner)] = self._find_bases(owner)
        return self._bases[id(owner)]

    def _find_bases(self, owner: Scope) -> tuple[list[Scope], list[str]]:
        node, around = owner.node, owner.parent
        if not isinstance(node, ast.ClassDef) or around is None:
            return [], ["?"]
        inside: list[Scope] = []
        outside: list[str] = []
        for base in node.bases:
            plain = base.value if isinstance(base, ast.Subscript) else base
            kinds = self.infer(plain, around)
            if kinds and all(isinstance(kind, ClassKind) for kind in kinds):
                inside.extend(kind.scope for kind in kinds if isinstance(kind, ClassKind))
            else:
                outside.append(self.names.foreign_name(plain, around))
        return inside, outside

    def ancestors(self, owner: Scope) -> list[Scope]:
        """Return the class and all of its bases inside the project, nearest first."""
        if id(owner) not in self._ancestors:
            found = [owner]
            for item in found:
                found.extend(base for base in self.bases(item)[0] if base not in found)
            self._ancestors[id(owner)] = found
        return self._ancestors[id(owner)]

    def foreign(self, owner: Scope) -> set[str]:
        """Return the foreign bases of a class, at whatever distance."""
        return {name for item in self.ancestors(owner) for name in self.bases(item)[1]}

    def below(self, owner: Scope) -> list[Scope]:
        """Return the class and all that inherit from it."""
        if self._below is None:
            self._below = {}
            for item in self.all:
                for above in self.ancestors(item):
                    self._below.setdefault(id(above), []).append(item)
        return self._below.get(id(owner), [owner])

    def binders(self, kind: ClassKind | InstanceKind | ParentKind, name: str) -> list[Scope]:
        """Return the classes whose member the name may mean on a value; none if it may be another's.

        An object may be of a subclass, which may bind the name anew.
        """
        seen = self.ancestors(kind.scope)
        if isinstance(kind, ParentKind):
            return [item for item in seen[1:] if item.binds(name)]
        found = [item for item in seen if item.binds(name)]
        if not found:
            return []
        further = [item for item in self.below(kind.scope) if item.binds(name) and item not in found]
        return found + further

    def is_plain(self, owner: Scope) -> bool:
        """Tell whether calling the class gives an object of it."""
        for item in self.ancestors(owner):
            node = item.node
            if "__new__" in item.names or (isinstance(node, ast.ClassDef) and has_strange_metaclass(node)):
                return False
        return True

    def is_metaclass(self, owner: Scope) -> bool:
        """Tell whether objects of the class are classes."""
        return "builtins.type" in self.foreign(owner)

    def is_dataclass(self, owner: Scope) -> bool:
        """Tell whether a constructor is made of the class's annotated names."""
        node = owner.node
        if not isinstance(node, ast.ClassDef):
            return False
        return "dataclass" in self.names.decorators(node) or "typing.NamedTuple" in self.bases(owner)[1]

    def is_method(self, function: Scope) -> bool:
        """Tell whether a function stands in the body of a class."""
        around = function.parent
        return isinstance(function.node, FunctionNode) and around is not None and around.kind == "class"


def has_strange_metaclass(node: ast.ClassDef) -> bool:
    """Tell whether a metaclass other than ABCMeta and EnumMeta is asked for."""
    for item in node.keywords:
        name = item.value.attr if isinstance(item.value, ast.Attribute) else getattr(item.value, "id", "")
        if item.arg == "metaclass" and name not in {"ABCMeta", "EnumMeta", "EnumType"}:
            return True
    return False
