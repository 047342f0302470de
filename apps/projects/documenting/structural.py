"""The engine that needs no model: it parses, counts and lists."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from apps.projects.documenting.docs import Document, write_docs
from apps.projects.documenting.reading import Deadline, read_structure
from apps.projects.documenting.results import Provenance, Result, SourceRef, Unscanned
from apps.projects.documenting.sources import ListedFile
from apps.projects.documenting.structure import Structure
from apps.projects.documenting.targets import choose, missing_paths
from apps.projects.documenting.wishes import Wish
from apps.projects.states import CodeJobType


@dataclass(frozen=True, slots=True)
class Material:
    """What an engine works on: a repository, all files of the manifest, and what was asked."""

    repository: Path
    files: Sequence[ListedFile]
    type: str
    wish: Wish
    deadline: Deadline
    beat: Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A result, and whether it covers all that was asked for."""

    result: Result
    is_partial: bool


def work_structurally(material: Material) -> Outcome:
    """Return what the parsers say; raises GitFailed, GitMissing and what `beat` raises."""
    chosen = choose(material.files, material.wish)
    structure = read_structure(material.repository, chosen, deadline=material.deadline, beat=material.beat)
    gone = [Unscanned(path, "not_in_manifest") for path in missing_paths(material.files, material.wish)]
    document = _write(structure, material)
    result = Result(
        result_type="document",
        text_md=document.text_md,
        sections=document.sections,
        facts=document.facts,
        unscanned=tuple(sorted((*structure.unscanned, *gone), key=lambda each: each.path)),
        provenance=Provenance(sources=sources_of(structure)),
    )
    return Outcome(result, structure.is_partial)


def sources_of(structure: Structure) -> tuple[SourceRef, ...]:
    """Return the files that a structure rests on."""
    return tuple(SourceRef(read.file.path, read.file.blob_id) for read in structure.files)


def _write(structure: Structure, material: Material) -> Document:
    match material.type:
        case CodeJobType.DOCS:
            return write_docs(structure)
    raise NotImplementedError(material.type)
