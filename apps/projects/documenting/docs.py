"""Structural documentation: modules, symbols, signatures, docstrings, imports, callers, by name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from apps.projects.analysis.values import Definition
from apps.projects.documenting.markdown import block, code, plain
from apps.projects.documenting.results import Anchor, Section
from apps.projects.documenting.structure import ReadFile, Structure, is_public_module, public_definitions

NAMES_SHOWN: Final = 10
DOCSTRING_SHOWN: Final = 600
CODE_LANGUAGES: Final = {"Python": "python"}


@dataclass(frozen=True, slots=True)
class Document:
    """What a structural writer has to say."""

    text_md: str
    sections: tuple[Section, ...]
    facts: dict[str, Any]


def write_docs(structure: Structure) -> Document:
    """Return the documentation of all public modules that define something or are documented."""
    shown = [read for read in structure.files if _is_shown(read)]
    coverage = _coverage(shown)
    symbols = [_symbol(read, each) for read in shown for each in public_definitions(read.facts)]
    text = (
        f"Structure of {len(shown)} files: {coverage['symbols']} public symbols, "
        f"{coverage['documented']} of them documented ({coverage['percent']} %). "
        "Structural: listed by a parser."
    )
    return Document(
        text_md=text,
        sections=tuple(_section(structure, read) for read in shown),
        facts={"coverage": coverage, "symbols": symbols},
    )


def _is_shown(read: ReadFile) -> bool:
    has_content = bool(read.facts.docstring or public_definitions(read.facts))
    return has_content and is_public_module(read.file.path)


def _coverage(shown: Sequence[ReadFile]) -> dict[str, Any]:
    public = [each for read in shown for each in public_definitions(read.facts)]
    documented = sum(each.has_docstring for each in public)
    python = [read for read in shown if read.file.language == "Python"]
    return {
        "modules": len(shown),
        "modules_documented": sum(read.facts.docstring is not None for read in python),
        "symbols": len(public),
        "documented": documented,
        "percent": round(100 * documented / len(public)) if public else 100,
    }


def _symbol(read: ReadFile, found: Definition) -> dict[str, Any]:
    return {
        "path": read.file.path,
        "name": found.name,
        "qualified_name": found.qualified_name,
        "kind": found.kind,
        "line_start": found.line_start,
        "line_end": found.line_end,
        "signature": found.signature,
        "has_docstring": found.has_docstring,
    }


def _section(structure: Structure, read: ReadFile) -> Section:
    path = read.file.path
    parts = [block(read.facts.docstring)] if read.facts.docstring else []
    outside = structure.outside_imports(read)
    inside = tuple(sorted(structure.imported_by(read)))
    parts += listed("Imports", (*inside, *outside))
    parts += listed("Imported by", structure.dependents.get(path, ()))
    parts += [_described(structure, read, each) for each in public_definitions(read.facts)]
    anchors = tuple(
        Anchor(path, read.file.blob_id, each.line_start, each.line_end, symbol=each.qualified_name)
        for each in public_definitions(read.facts)
    )
    return Section(title=path, text_md="\n\n".join(parts), anchors=anchors)


def _described(structure: Structure, read: ReadFile, found: Definition) -> str:
    parts = [
        f"### {code(found.qualified_name)}",
        f"{found.kind}, lines {found.line_start} to {found.line_end}",
        block(found.signature, CODE_LANGUAGES.get(read.file.language, "text")),
    ]
    if found.docstring:
        parts.append(block(_beginning(found.docstring)))
    parts += listed("Calls by name", [name for name in found.calls if name in structure.defined_names])
    parts += listed("Called by name from", structure.callers.get(found.name, ()))
    return "\n\n".join(parts)


def listed(label: str, names: Sequence[str]) -> list[str]:
    """Return a line of names, none if there are none; the many are counted."""
    if not names:
        return []
    more = len(names) - NAMES_SHOWN
    shown = ", ".join(code(name) for name in names[:NAMES_SHOWN])
    return [f"{plain(label)}: {shown}" + (f" and {more} more" if more > 0 else "")]


def _beginning(docstring: str) -> str:
    """Return a docstring, or its beginning if it is long."""
    return docstring if len(docstring) <= DOCSTRING_SHOWN else docstring[:DOCSTRING_SHOWN].rstrip() + " ..."
