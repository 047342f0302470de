"""The engine that needs no model: it parses, counts and lists."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from apps.projects.documenting.docs import Document, write_docs
from apps.projects.documenting.explanations import explain_lines, write_explanation
from apps.projects.documenting.reading import Deadline, read_structure
from apps.projects.documenting.results import Provenance, Result, SourceRef, Suggestion, Unscanned
from apps.projects.documenting.sources import ListedFile, read_sources
from apps.projects.documenting.structure import Structure
from apps.projects.documenting.suggestions import find_suggestions
from apps.projects.documenting.summaries import write_file_summaries, write_summary
from apps.projects.documenting.targets import choose, find_places, missing_paths
from apps.projects.documenting.wishes import Wish
from apps.projects.states import CodeJobType

RESULT_TYPES: Final[Mapping[str, str]] = {
    CodeJobType.DOCS: "document",
    CodeJobType.SUMMARY: "document",
    CodeJobType.FILE_SUMMARY: "document",
    CodeJobType.EXPLANATION: "explanation",
    CodeJobType.RENAME_SUGGESTIONS: "suggestions",
}


@dataclass(frozen=True, slots=True)
class Material:
    """What an engine works on: a repository, all files of the manifest, and what was asked.

    `former_blobs` are the sources of the last result about the same, None if there is none. `beat` is called
    with the share that is done, and raises what ends the job.
    """

    repository: Path
    files: Sequence[ListedFile]
    type: str
    wish: Wish
    beat: Callable[[float], None] = field(default=lambda _share: None)
    deadline: Deadline = field(default_factory=Deadline.after)
    former_blobs: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A result, the structure it was made from, and whether it leaves out something that was asked for."""

    result: Result
    structure: Structure
    is_partial: bool


def work_structurally(material: Material) -> Outcome:
    """Return what the parsers say; raises GitFailed, GitMissing and what `beat` raises."""
    if material.type == CodeJobType.EXPLANATION:
        return _explain(material)
    structure = _read(material, choose(material.files, material.wish))
    suggestions: tuple[Suggestion, ...] = ()
    if material.type == CodeJobType.RENAME_SUGGESTIONS:
        suggestions = find_suggestions(structure)
        text = f"{len(suggestions)} suggestions. Structural: by convention and spelling."
        document = Document(text, (), {"suggestions": len(suggestions)})
    else:
        document = _write(structure, material)
    gone = [Unscanned(path, "not_in_manifest") for path in missing_paths(material.files, material.wish)]
    return _outcome(material, document, structure, gone, suggestions=suggestions)


def _write(structure: Structure, material: Material) -> Document:
    match material.type:
        case CodeJobType.SUMMARY:
            return write_summary(structure, choose(material.files, material.wish), material.former_blobs)
        case CodeJobType.FILE_SUMMARY:
            return write_file_summaries(structure)
    return write_docs(structure)


def _explain(material: Material) -> Outcome:
    """Explain the selection and anchors of a wish, with the callers from the whole project."""
    places, unscanned = find_places(material.files, material.wish)
    structure = _read(material, [file for file in material.files if file.language == "Python"])
    named = {place.file.path: place.file for place in places if not place.file.unreadable}
    contents = {each.path: each.content for each in read_sources(material.repository, named.values())}
    found = [(place, explain_lines(place, contents.get(place.file.path, b""))) for place in places]
    unscanned += [Unscanned(place.file.path, each.unscanned) for place, each in found if each.unscanned]
    document = write_explanation(structure, found)
    kept = {place.file.path for place in places} | _caller_paths(document)
    narrowed = Structure(
        tuple(read for read in structure.files if read.file.path in kept), (), structure.is_partial
    )
    return _outcome(material, document, narrowed, unscanned)


def _caller_paths(document: Document) -> set[str]:
    return {caller.partition(":")[0] for each in document.facts["places"] for caller in each["callers"]}


def _read(material: Material, files: Sequence[ListedFile]) -> Structure:
    return read_structure(
        material.repository,
        files,
        deadline=material.deadline,
        beat=material.beat,
        wants_names=material.type == CodeJobType.RENAME_SUGGESTIONS,
    )


def _outcome(
    material: Material,
    document: Document,
    structure: Structure,
    unscanned: Sequence[Unscanned],
    *,
    suggestions: tuple[Suggestion, ...] = (),
) -> Outcome:
    sources = tuple(SourceRef(read.file.path, read.file.blob_id) for read in structure.files)
    result = Result(
        result_type=RESULT_TYPES[material.type],
        text_md=document.text_md,
        sections=document.sections,
        suggestions=suggestions,
        facts=document.facts,
        unscanned=tuple(
            sorted((*structure.unscanned, *unscanned), key=lambda each: (each.path, each.reason))
        ),
        provenance=Provenance(sources=sources),
    )
    return Outcome(result, structure, structure.is_partial)
