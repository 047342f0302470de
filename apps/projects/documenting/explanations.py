"""What some lines of a file do, by their syntax, and who calls what encloses them, by name."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from apps.projects.analysis.explaining import Explained, Lines
from apps.projects.analysis.isolated import EngineFailed, EngineLimits, EngineTimeout, run_isolated
from apps.projects.documenting.docs import Document, listed
from apps.projects.documenting.markdown import block, code
from apps.projects.documenting.results import Anchor, Section
from apps.projects.documenting.structure import Structure
from apps.projects.documenting.targets import Place

CHILD: Final = "apps.projects.analysis.explaining"
CALLERS_MAX: Final = 100
LIMITS: Final = EngineLimits(memory_bytes=1024**3, cpu_s=20, wall_s=30.0)


def explain_lines(place: Place, content: bytes) -> Explained:
    """Return what lines do, by the unsaved text if there is one; a child that dies leaves them unscanned."""
    if place.file.language != "Python" or (place.file.unreadable and place.content is None):
        return Explained(unscanned=place.file.unreadable or "language")
    text = content if place.content is None else place.content.encode("utf-8", "replace")
    asked = msgspec.msgpack.encode(Lines(text, place.line_start, place.line_end))
    try:
        return msgspec.msgpack.decode(run_isolated(CHILD, asked, limits=LIMITS), type=Explained)
    except EngineTimeout:
        return Explained(unscanned="engine_timeout")
    except EngineFailed:
        return Explained(unscanned="engine_failed")


def write_explanation(structure: Structure, found: Sequence[tuple[Place, Explained]]) -> Document:
    """Return the explanation of lines; `structure` is of all files that may call what encloses them."""
    text = f"{len(found)} places. Structural: read by a parser."
    sections = tuple(
        section for place, explained in found for section in _sections(structure, place, explained)
    )
    facts = [_facts(structure, place, explained) for place, explained in found]
    return Document(text, sections, {"places": facts})


def _sections(structure: Structure, place: Place, found: Explained) -> list[Section]:
    file = place.file
    anchor = Anchor(file.path, file.blob_id, place.line_start, place.line_end, symbol=found.symbol)
    lines = f"{file.path}, lines {place.line_start} to {place.line_end}"
    within = [f"Within {code(found.symbol)}:", block(found.signature, "python")] if found.symbol else []
    head = Section(lines, "\n\n".join(within), (anchor,))
    return [head, *(Section(title, text, (anchor,)) for title, text in _parts(structure, found) if text)]


def _parts(structure: Structure, found: Explained) -> list[tuple[str, str]]:
    steps = [f"- {step.kind} in line {step.line}" for step in found.steps]
    return [
        ("Names", "\n\n".join([*listed("Binds", found.bound), *listed("Uses", found.used)])),
        ("Calls", "".join(listed("Calls by name", found.calls))),
        ("Branches", "\n".join(steps)),
        ("Raises", "".join(listed("Raises", found.raises))),
        ("Callers", "".join(listed("Called by name from", _callers(structure, found)))),
    ]


def _facts(structure: Structure, place: Place, found: Explained) -> dict[str, Any]:
    facts: dict[str, Any] = msgspec.to_builtins(found)
    where = {"path": place.file.path, "line_start": place.line_start, "line_end": place.line_end}
    return where | facts | {"callers": list(_callers(structure, found)[:CALLERS_MAX])}


def _callers(structure: Structure, found: Explained) -> tuple[str, ...]:
    return structure.callers.get(found.name, ()) if found.name else ()
