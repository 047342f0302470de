"""Summaries by counting: sizes, languages, packages, entry points, complexity, what is still to do."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from apps.projects.analysis.values import Definition
from apps.projects.documenting.docs import Document, listed
from apps.projects.documenting.markdown import code, plain
from apps.projects.documenting.results import Anchor, Section
from apps.projects.documenting.sources import ListedFile
from apps.projects.documenting.structure import ReadFile, Structure

SHOWN: Final = 20
# McCabe's own bound for a function that should be looked at.
COMPLEX_FROM: Final = 10


def write_summary(
    structure: Structure, files: Sequence[ListedFile], former_blobs: Mapping[str, str] | None
) -> Document:
    """Return the summary of files; `former_blobs` are those of the last result about the same, if any."""
    languages = _languages(files)
    changes = None if former_blobs is None else _changes(structure, former_blobs)
    text = (
        f"{len(files)} files, {sum(file.size_bytes for file in files)} bytes, "
        f"{sum(file.lines for file in files)} lines. Structural: counted by a parser."
    )
    sections = [
        _section(
            "Languages", [f"{plain(name)}: {n['files']} files, {n['lines']} lines" for name, n in languages]
        ),
        _section("Entry points", _entry_points(structure)),
        _section("Packages", _packages(structure)),
        _complexity(structure),
        _section("To do", _todos(structure)),
        _section("Changed since the last result", _changed_lines(changes)),
    ]
    facts = {
        "files": len(files),
        "bytes": sum(file.size_bytes for file in files),
        "lines": sum(file.lines for file in files),
        "languages": dict(languages),
        "todos": sum(len(read.facts.todos) for read in structure.files),
        "definitions": sum(len(read.facts.definitions) for read in structure.files),
        "changes": changes,
    }
    return Document(text, tuple(section for section in sections if section.text_md), facts)


def write_file_summaries(structure: Structure) -> Document:
    """Return a section for each file that was read."""
    sections = tuple(_file(structure, read) for read in structure.files)
    text = f"{len(sections)} files. Structural: counted by a parser."
    return Document(text, sections, {"files": len(sections)})


def _languages(files: Sequence[ListedFile]) -> list[tuple[str, dict[str, int]]]:
    lines: Counter[str] = Counter()
    number: Counter[str] = Counter()
    for file in files:
        if file.language:
            lines[file.language] += file.lines
            number[file.language] += 1
    in_order = sorted(number, key=lambda name: (-lines[name], name))
    return [(name, {"files": number[name], "lines": lines[name]}) for name in in_order]


def _entry_points(structure: Structure) -> list[str]:
    found = []
    for read in structure.files:
        path = read.file.path
        found += [f"{code(path)}, line {mark.line}" for mark in read.facts.entry_points]
        if path.rpartition("/")[2] in {"__main__.py", "manage.py"} and not read.facts.entry_points:
            found.append(code(path))
        if read.facts.package is not None:
            found += [f"{code(name)} of {code(path)}" for name in read.facts.package.scripts]
    return found


def _packages(structure: Structure) -> list[str]:
    declared = [(read.file.path, read.facts.package) for read in structure.files if read.facts.package]
    found = [f"{code(folder or '.')}: a package of Python" for folder in sorted(structure.packages)]
    for path, package in declared:
        needs = ", ".join(code(name) for name in package.dependencies[:SHOWN]) or "nothing"
        found.append(f"{code(path)} declares {code(package.name) or 'no name'}; it needs {needs}")
    return found


def _complexity(structure: Structure) -> Section:
    ranked: list[tuple[ReadFile, Definition]] = [
        (read, found)
        for read in structure.files
        for found in read.facts.definitions
        if found.complexity > COMPLEX_FROM
    ]
    ranked.sort(key=lambda pair: (-pair[1].complexity, pair[0].file.path, pair[1].line_start))
    lines = [
        f"{found.complexity}: {code(found.qualified_name)} in {code(read.file.path)}"
        for read, found in ranked
    ]
    anchors = tuple(_anchor(read, found) for read, found in ranked[:SHOWN])
    return _section("Complexity", lines, anchors)


def _todos(structure: Structure) -> list[str]:
    return [
        f"{code(read.file.path)}, line {mark.line}: {mark.kind} {code(mark.text)}"
        for read in structure.files
        for mark in read.facts.todos
    ]


def _changes(structure: Structure, former: Mapping[str, str]) -> dict[str, list[str]]:
    now = {read.file.path: read.file.blob_id for read in structure.files}
    return {
        "added": sorted(now.keys() - former.keys()),
        "removed": sorted(former.keys() - now.keys()),
        "changed": sorted(path for path in now.keys() & former.keys() if now[path] != former[path]),
    }


def _changed_lines(changes: Mapping[str, Sequence[str]] | None) -> list[str]:
    if changes is None:
        return []
    found = [f"{kind}: {code(path)}" for kind in ("added", "changed", "removed") for path in changes[kind]]
    return found or ["nothing"]


def _file(structure: Structure, read: ReadFile) -> Section:
    facts = read.facts
    kinds = Counter(found.kind for found in facts.definitions)
    counts = ", ".join(f"{number} {name}" for name, number in sorted(kinds.items())) or "no definitions"
    head = (
        f"{plain(read.file.language or 'text')}, {facts.lines} lines, {read.file.size_bytes} bytes; {counts}."
    )
    parts = [head]
    parts += listed("Defines", [found.qualified_name for found in facts.definitions])
    parts += listed("Imports", [*sorted(structure.imported_by(read)), *structure.outside_imports(read)])
    parts += listed("Imported by", structure.dependents.get(read.file.path, ()))
    parts += listed("To do", [f"{mark.kind} {mark.text}" for mark in facts.todos])
    anchors = tuple(_anchor(read, found) for found in facts.definitions[:SHOWN])
    return Section(read.file.path, "\n\n".join(parts), anchors)


def _section(title: str, lines: Sequence[str], anchors: tuple[Anchor, ...] = ()) -> Section:
    """Return a list under a title; the many are counted."""
    shown = [f"- {line}" for line in lines[:SHOWN]]
    if len(lines) > SHOWN:
        shown.append(f"- and {len(lines) - SHOWN} more")
    return Section(title, "\n".join(shown), anchors)


def _anchor(read: ReadFile, found: Definition) -> Anchor:
    return Anchor(
        read.file.path, read.file.blob_id, found.line_start, found.line_end, symbol=found.qualified_name
    )
