"""Find identifier nodes by their text, in any language of the structural engine; a process of its own.

`main` reads WordsWanted and writes Words.
"""

from collections.abc import Iterator
from typing import IO

import msgspec
from ast_grep_py import SgNode, SgRoot

from apps.projects.renaming.wire import Script, Spot, Words, WordsWanted

DECLARING = ("declarat", "definition", "declarator", "_item", "parameter", "spec")


def main(stdin: IO[bytes], stdout: IO[bytes]) -> None:
    """Answer one request."""
    wanted = msgspec.json.decode(stdin.read(), type=WordsWanted)
    words = Words(spots=[], refused={}, unscanned={})
    for script in wanted.scripts:
        search(script, wanted, words)
    stdout.write(msgspec.json.encode(words))


def search(script: Script, wanted: WordsWanted, words: Words) -> None:
    """Add what one file holds."""
    if wanted.old not in script.text:
        return
    root = SgRoot(script.text, script.language).root()
    if root.find(kind="ERROR") is not None:
        words.unscanned[script.path] = "does_not_parse"
        return
    found = [node for node in identifiers(root) if node.text() == wanted.old]
    words.spots.extend(spot(script.path, node) for node in found)
    if any(node.text() == wanted.new for node in identifiers(root)):
        words.refused[script.path] = "name_taken"
    elif sum(is_declared(node) for node in found) > 1:
        words.refused[script.path] = "declared_twice"


def identifiers(root: SgNode) -> Iterator[SgNode]:
    """Yield the leaves that are names: each grammar calls its kinds `..identifier`, `name`, `constant`."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        children = node.children()
        waiting.extend(reversed(children))
        if not children and (node.kind().endswith("identifier") or node.kind() in {"name", "constant"}):
            yield node


def is_declared(node: SgNode) -> bool:
    """Tell whether the node is the name of what its parent declares."""
    parent = node.parent()
    if parent is None or not any(part in parent.kind() for part in DECLARING):
        return False
    for field in ("name", "pattern", "declarator"):
        named = parent.field(field)
        if named is not None and named.range() == node.range():
            return True
    return False


def spot(path: str, node: SgNode) -> Spot:
    """Return where a node starts."""
    start = node.range().start
    return Spot(path, start.line + 1, start.column + 1)
