"""Make the edits in memory, read everything anew, and see whether each name means what it meant."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from apps.projects.renaming.scopes.census import Key
from apps.projects.renaming.scopes.structure import Scope
from apps.projects.renaming.scopes.target import Target
from apps.projects.renaming.scopes.view import View, read_modules
from apps.projects.renaming.wire import Clash, Site

Place = tuple[str, int, int]
Meaning = tuple[str, frozenset[tuple[str, int]]]


def compare(view: View, target: Target, edits: Iterable[Site], moves: Mapping[str, str]) -> list[Clash]:
    """Return what would mean something else after the edits; nothing if they are sound.

    Every site that means the symbol must be among the edits, and none that means anything else.
    """
    by_path: dict[str, list[Site]] = defaultdict(list)
    for item in edits:
        by_path[item.path].append(item)
    texts = {path: rewrite(view.project.modules[path].text, items) for path, items in by_path.items()}
    after, unparsed = read_after(view, texts, moves)
    if unparsed:
        return [Clash("does_not_parse", path, 1, "") for path in sorted(unparsed)]
    places = Places(by_path, moves)
    before_all, after_all = meanings(view, {}), meanings(after, {new: old for old, new in moves.items()})
    family = scope_keys(target.family)
    found = []
    for place, (name, meaning) in before_all.items():
        edit = places.edited.get(place)
        if edit is not None and edit.after != view.new:
            after_all.pop(places.after(place), None)
            continue
        wanted_name = view.new if edit is not None else name
        wanted = meaning
        got_name, got = after_all.pop(places.after(place), ("", ("gone", frozenset())))
        is_ours = name == view.old and meaning == ("bound", family)
        if is_ours and edit is None:
            found.append(Clash("reference_missed", place[0], place[1], ""))
        elif (got_name, got) != (wanted_name, wanted) and not (edit is not None and not is_ours):
            code = "captured" if edit is not None else "shadows"
            found.append(Clash(code, place[0], place[1], ""))
        elif edit is None and name == view.new and got == ("bound", family):
            found.append(Clash("name_taken", place[0], place[1], ""))
    return sorted(set(found), key=lambda item: (item.path, item.line, item.code))


def read_after(view: View, texts: Mapping[str, str], moves: Mapping[str, str]) -> tuple[View, dict[str, str]]:
    """Return the project after the edits; what no edit touches is not read again."""
    names = frozenset({view.old, view.new})
    moved = {path: view.project.modules[path].text for path in moves if path in view.project.modules}
    changed = {moves.get(path, path): text for path, text in {**moved, **texts}.items()}
    modules, unparsed = read_modules(changed, names)
    kept = {path: item for path, item in view.project.modules.items() if path not in {*texts, *moves}}
    return View(kept | modules, view.old, view.new), unparsed


def rewrite(text: str, edits: Iterable[Site]) -> str:
    """Return a text with the edits made."""
    lines = text.split("\n")
    for edit in sorted(edits, key=lambda item: (item.line, item.column), reverse=True):
        line = lines[edit.line - 1]
        end = edit.column - 1 + len(edit.text)
        lines[edit.line - 1] = f"{line[: edit.column - 1]}{edit.after}{line[end:]}"
    return "\n".join(lines)


class Places:
    """Where each place lies after the edits."""

    def __init__(self, by_path: Mapping[str, list[Site]], moves: Mapping[str, str]) -> None:
        self.moves = moves
        self.edited = {
            (item.path, item.line, item.column): item for items in by_path.values() for item in items
        }
        self._lines: dict[tuple[str, int], list[Site]] = defaultdict(list)
        for item in self.edited.values():
            self._lines[item.path, item.line].append(item)

    def after(self, place: Place) -> Place:
        """Return where a place comes to lie."""
        path, line, column = place
        shift = sum(
            len(item.after) - len(item.text)
            for item in self._lines.get((path, line), ())
            if item.column < column
        )
        return self.moves.get(path, path), line, column + shift


def meanings(view: View, back: Mapping[str, str]) -> dict[Place, tuple[str, Meaning]]:
    """Return what each occurrence of both names means, bindings by the places of their scopes."""
    found: dict[Place, tuple[str, Meaning]] = {}
    keys: dict[int, frozenset[tuple[str, int]]] = {}
    for name in dict.fromkeys((view.old, view.new)):
        resolver = view.resolver(name)
        for item in resolver.census.occurrences():
            result = resolver.resolve(item)
            meaning: Meaning = ("unknown" if result.reason else "other", frozenset())
            if result.key is not None:
                root = resolver.census.root(result.key)
                if id(root) not in keys:
                    keys[id(root)] = scope_keys(resolver.census.family(root), back)
                meaning = ("bound", keys[id(root)])
            found[item.scope.module.path, item.line, item.column] = (name, meaning)
    return found


def scope_keys(family: Iterable[Key], back: Mapping[str, str] | None = None) -> frozenset[tuple[str, int]]:
    """Name a family by its scopes; -1 stands for a module itself."""
    paths = back or {}
    found = set()
    for key in family:
        path, number = key.key if isinstance(key, Scope) else (key.path, -1)
        found.add((paths.get(path, path), number))
    return frozenset(found)
