"""Ask our view of the code where a symbol occurs, or whether edits are sound; a process of its own.

`main` reads Asked and writes Survey or Verdict. It parses hostile code.
"""

import ast
import gc
import re
from collections.abc import Iterator, Mapping
from typing import IO

import msgspec

from apps.projects.renaming.scopes.census import Key
from apps.projects.renaming.scopes.clashes import find_clashes
from apps.projects.renaming.scopes.comparing import compare
from apps.projects.renaming.scopes.doubts import family_doubts
from apps.projects.renaming.scopes.modules import Module, Namespace
from apps.projects.renaming.scopes.structure import Occurrence, Scope
from apps.projects.renaming.scopes.target import (
    BINDING_ORDER,
    SymbolError,
    Target,
    find_at,
    find_module,
    find_named,
    is_binding,
)
from apps.projects.renaming.scopes.view import View, read_modules
from apps.projects.renaming.scopes.words import Words, is_in
from apps.projects.renaming.wire import Asked, Clash, Left, Question, Site, Spot, Survey, Verdict

# Kinds of occurrences that are of our own finding: no engine need know them.
OWN = frozenset(
    {"import", "from_module", "from_name", "alias", "declared", "keyword", "match_keyword", "export", "slot"}
)
# What turns members and modules into strings, or strings into them.
BY_STRING = re.compile(
    r"__dict__|\b(?:vars|asdict|_asdict|_replace|fields|getmembers|import_module|__import__|patch|new_class)\("
    # A class that is made by a call gets its members in a dictionary.
    r"|\btype\([^()]*,"
)
# What may mean a symbol of this nature though we cannot tell.
RELEVANT: Mapping[str, frozenset[str]] = {
    "module": frozenset({"attribute", "attribute_string", "from_name", "from_module", "import", "name"}),
    "global": frozenset({"attribute", "attribute_string", "from_name", "name", "export"}),
    "member": frozenset({"attribute", "attribute_string", "match_keyword", "name", "slot"}),
    "parameter": frozenset({"keyword", "name"}),
    "local": frozenset({"name"}),
}


def main(stdin: IO[bytes], stdout: IO[bytes]) -> None:
    """Answer one request."""
    # One short run over many small objects that all live to its end.
    gc.disable()
    asked = msgspec.json.decode(stdin.read(), type=Asked)
    answer: Survey | Verdict = (
        survey(asked.question) if asked.edits is None else judge(asked.question, asked.edits, asked.moves)
    )
    stdout.write(msgspec.json.encode(answer))


def judge(question: Question, edits: list[Site], moves: Mapping[str, str]) -> Verdict:
    """Say what a choice of edits would break."""
    view, _ = view_of(question)
    try:
        target = find_target(view, question)
    except SymbolError as error:
        return Verdict([Clash(error.code, question.path, question.line, "")])
    inside = [item for item in edits if item.path in view.project.modules]
    return Verdict(compare(view, target, inside, moves))


def view_of(question: Question) -> tuple[View, dict[str, str]]:
    """Read the Python files of a question; returns also which of them do not parse."""
    texts = {script.path: script.text for script in question.scripts if script.language == "python"}
    modules, unparsed = read_modules(texts, frozenset({question.old, question.new}))
    return View(modules, question.old, question.new), unparsed


def survey(question: Question) -> Survey:
    """Find the symbol and everything of its name."""
    view, unparsed = view_of(question)
    try:
        target = find_target(view, question)
    except SymbolError as error:
        return Survey(error=error.code, candidates=error.candidates, unparsed=unparsed)
    return Surveyor(view, target, question, unparsed).run()


def find_target(view: View, question: Question) -> Target:
    """Return the wished symbol; raises SymbolError."""
    if question.kind == "module" and question.path:
        return find_module(view, question.path)
    if question.path:
        return find_at(view, question.path, question.line, question.column)
    return find_named(view, question.qualified_name)


class Surveyor:
    """Sorts the occurrences of one symbol's name."""

    def __init__(self, view: View, target: Target, question: Question, unparsed: dict[str, str]) -> None:
        self.view = view
        self.target = target
        self.question = question
        self.unparsed = unparsed
        self.bound: list[Occurrence] = []
        self.sites: list[Site] = []
        self.left: list[Left] = []
        self.doubts = family_doubts(view, target)

    def run(self) -> Survey:
        """Return the whole answer."""
        for item in self.view.of_old.census.occurrences():
            self.sort(item)
        self.sort_words()
        moves = dict(self.moves())
        clashes = find_clashes(self.view, self.target, self.bound)
        clashes += self.move_clashes(moves)
        if not clashes:
            clashes = compare(self.view, self.target, [site for site in self.sites if site.is_bound], moves)
        return Survey(
            symbol=self.target.symbol,
            definitions=list(self.definitions()),
            sites=self.sites,
            left=self.left,
            clashes=clashes,
            unparsed=self.unparsed,
            moves=moves,
        )

    def sort(self, item: Occurrence) -> None:
        """Put one occurrence among the sites, or among what stays."""
        found = self.view.of_old.resolve(item)
        census = self.view.of_old.census
        if found.key is not None and census.root(found.key) is self.target.root:
            self.bound.append(item)
            after = f"{item.text} as {self.question.new}" if found.is_foreign else self.question.new
            self.add(item, after, is_bound=True, doubt=self.doubt_of(item))
        elif found.key is not None and self.may_inherit(found.key):
            self.add(item, self.question.new, is_bound=False, doubt="base_unknown")
        elif found.reason and item.kind in self.relevant():
            self.add(item, self.question.new, is_bound=False, doubt=found.reason)
        else:
            module = item.scope.module
            self.left.append(Left(module.path, item.line, item.column, item.text, "other_binding"))

    def may_inherit(self, key: Key) -> bool:
        """Tell whether another class's member may be the symbol's after all: a base of it is not known."""
        if self.target.nature != "member":
            return False
        classes = self.view.inference.classes
        family = self.view.of_old.census.family(key)
        owners = [item for item in family if isinstance(item, Scope) and item.kind == "class"]
        return any("?" in classes.foreign(item) for item in owners)

    def relevant(self) -> frozenset[str]:
        """Return the kinds of occurrences that may mean the symbol without our knowing."""
        kinds = RELEVANT[self.target.nature]
        if self.target.nature == "member" and self.has_fields():
            return kinds | {"keyword"}
        return kinds

    def has_fields(self) -> bool:
        """Tell whether the member may be an argument of a constructor that nobody wrote."""
        classes = self.view.inference.classes
        owners = [key for key in self.target.family if isinstance(key, Scope) and key.kind == "class"]
        return any(classes.is_dataclass(item) or classes.foreign(item) for item in owners)

    def add(self, item: Occurrence, after: str, *, is_bound: bool, doubt: str) -> None:
        """Add a site."""
        is_own = item.kind in OWN or item.is_quoted or is_further(item, self.target)
        path = item.scope.module.path
        self.sites.append(
            Site(path, item.line, item.column, item.text, after, item.kind, is_bound, is_own, doubt)
        )

    def doubt_of(self, item: Occurrence) -> str:
        """Return why a bound site is not certain, or nothing."""
        module = item.scope.module
        if module.doubt:
            return module.doubt
        place = module.ground.starts[item.line - 1] + item.column - 1
        if is_in(module.printing, place):
            return "prints_its_name"
        return self.doubts[0] if self.doubts else ""

    def sort_words(self) -> None:
        """Sort what is equal to the name without being code that we know."""
        modules = self.view.project.modules
        words = Words(self.question, by_name=self.is_asked_by_name())
        for script in self.question.scripts:
            module = modules.get(script.path)
            if module is None:
                words.of_text(script, "unscanned" if script.path in self.unparsed else "text")
                continue
            known = {
                (item.line, item.column) for item in module.occurrences if item.name == self.question.old
            }
            words.of_module(module, known)
        self.sites += words.sites
        self.left += words.left

    def is_asked_by_name(self) -> bool:
        """Tell whether a string that is the name may stand for the symbol."""
        if self.target.nature in {"local", "parameter"}:
            return False
        modules = self.view.project.modules.values()
        return any(module.dynamic_attributes or BY_STRING.search(module.text) for module in modules)

    def definitions(self) -> Iterator[Spot]:
        """Yield where the symbol is bound; for the engines. A module is bound where its file begins."""
        for key in self.target.family:
            if isinstance(key, Module):
                yield Spot(key.path, 1, 1)
        for item in self.bound:
            if item.kind in BINDING_ORDER and is_binding(item):
                yield Spot(item.scope.module.path, item.line, item.column)

    def moves(self) -> Iterator[tuple[str, str]]:
        """Yield the files that a module's rename moves."""
        for key in self.target.family:
            if isinstance(key, Module | Namespace):
                old = key.path.removesuffix("__init__.py")
                parent = old.rstrip("/").rpartition("/")[0]
                new = f"{parent}/{self.question.new}" if parent else self.question.new
                if not old.endswith("/"):
                    yield old, f"{new}.py"
                    continue
                for script in self.question.scripts:
                    if script.path.startswith(old):
                        yield script.path, f"{new}/{script.path.removeprefix(old)}"

    def move_clashes(self, moves: Mapping[str, str]) -> Iterator[Clash]:
        """Yield what lies already where a module would go."""
        for key in self.target.family:
            if isinstance(key, Module | Namespace):
                stem = key.path.removesuffix("__init__.py").rstrip("/").removesuffix(".py").rpartition("/")[0]
                found = self.view.project.at(f"{stem}/" if stem else "", [self.question.new])
                if found is not None:
                    yield Clash("name_taken", found.path, 1, "")
                owner = self.view.project.modules.get(f"{stem}/__init__.py" if stem else "")
                if owner is not None and owner.scope.binds(self.question.new):
                    yield Clash("name_taken", owner.path, 1, "")


def is_further(item: Occurrence, target: Target) -> bool:
    """Tell whether an occurrence is a definition: the one wished for, or one that overrides it."""
    return item.kind in {"def", "param"} or isinstance(item.node, ast.AnnAssign)
