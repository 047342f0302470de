"""From a model's answer to parts of a result: what it names must be there, what it words is only text."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from apps.projects.analysis.values import Definition
from apps.projects.documenting.markdown import plain, sanitise
from apps.projects.documenting.outgoing import SentFile
from apps.projects.documenting.results import Anchor, Change, Section, Span, Suggestion
from apps.projects.documenting.structure import Structure

NAME: Final = re.compile(r"[A-Za-z_]\w{0,254}", re.ASCII)
INDENT: Final = re.compile(r"[ \t]*")


@dataclass(slots=True)
class Said:
    """What a model said in all calls of a job; `dropped` counts what named nothing that was sent."""

    texts: list[str] = field(default_factory=list)
    prose: dict[str, str] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    anchors: list[Anchor] = field(default_factory=list)
    suggestions: list[Suggestion] = field(default_factory=list)
    dropped: int = 0

    def sections(self) -> tuple[Section, ...]:
        """Return the prose as sections, by path."""
        found = [Section("In words", text, tuple(self.anchors)) for text in self.texts if text]
        found += [Section(f"{path}, in words", text) for path, text in sorted(self.prose.items())]
        return tuple(found)


def take_answer(
    said: Said, answer: Mapping[str, Any], files: Mapping[str, SentFile], read: Structure
) -> None:
    """Add an answer, valid by the schema, to what was said; `files` are those that were sent, by path."""
    if answer["text_md"]:
        said.texts.append(sanitise(answer["text_md"]))
    for row in answer["files"]:
        if row["path"] in files:
            said.prose[row["path"]] = sanitise(row["text_md"])
        else:
            said.dropped += 1
    _take(said, said.anchors, [_anchor(row, files) for row in answer["anchors"]])
    _take(said, said.changes, [_docstring(row, files, read) for row in answer["docstrings"]])
    _take(said, said.suggestions, [_suggestion(row, files) for row in answer["suggestions"]])


def _take(said: Said, kept: list[Any], found: list[Any | None]) -> None:
    good = [each for each in found if each is not None]
    kept.extend(good)
    said.dropped += len(found) - len(good)


def _anchor(row: Mapping[str, Any], files: Mapping[str, SentFile]) -> Anchor | None:
    sent = files.get(row["path"])
    if sent is None or not row["line_start"] <= row["line_end"] <= len(sent.lines):
        return None
    return Anchor(sent.file.path, sent.file.blob_id, row["line_start"], row["line_end"])


def _suggestion(row: Mapping[str, Any], files: Mapping[str, SentFile]) -> Suggestion | None:
    """Return a suggestion if the name stands in the line, and the new one is one."""
    sent = files.get(row["path"])
    names = (row["current"], row["proposed"])
    if sent is None or row["line"] > len(sent.lines) or not all(NAME.fullmatch(name) for name in names):
        return None
    if row["current"] == row["proposed"] or row["current"] not in re.findall(
        r"\w+", sent.lines[row["line"] - 1]
    ):
        return None
    return Suggestion(
        symbol=row["current"],
        anchor=Anchor(sent.file.path, sent.file.blob_id, row["line"], row["line"]),
        current=row["current"],
        proposed=row["proposed"],
        reason=plain(row["reason"]),
        confidence=float(row["confidence"]),
    )


def _docstring(row: Mapping[str, Any], files: Mapping[str, SentFile], read: Structure) -> Change | None:
    """Return the insertion of a docstring below a definition of Python that has none."""
    sent = files.get(row["path"])
    found = _undocumented(read, row["path"], row["line"]) if sent is not None else None
    text = row["text"].replace("\\", "\\\\").replace('"""', "'''").replace("\0", "").strip()
    if sent is None or found is None or found.body_line is None or not text:
        return None
    indent = INDENT.match(sent.lines[found.body_line - 1])
    space = indent[0] if indent else ""
    inner = "\n".join(f"{space}{line}".rstrip() for line in f'"""{text}"""'.splitlines())
    return Change(
        file=sent.file.path, range=Span(found.body_line, found.body_line - 1), replacement=f"{inner}\n"
    )


def _undocumented(read: Structure, path: str, line: int) -> Definition | None:
    facts = next((each.facts for each in read.files if each.file.path == path), None)
    definitions = facts.definitions if facts is not None else ()
    matching = [each for each in definitions if each.line_start == line and not each.has_docstring]
    return matching[0] if matching else None
