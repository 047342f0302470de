"""What a code job says, as it is stored and answered (projects-jobs.md section 1).

Nothing here depends on when or where a job ran: two runs over equal sources give equal bytes.
"""

from typing import Any, Final

import msgspec

from apps.projects.documenting.markdown import block, code, plain

GENERATOR: Final = "sextant-structure/1"
STRUCTURAL: Final = "structural"


class Anchor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Lines of a blob; `window` is the digest by which they are found again."""

    path: str
    blob_id: str
    line_start: int
    line_end: int
    window: str = ""
    symbol: str = ""


class Section(msgspec.Struct, frozen=True):
    """A part of a result under a title."""

    title: str
    text_md: str
    anchors: tuple[Anchor, ...] = ()


class Span(msgspec.Struct, frozen=True):
    """Lines from 1, both included; `end` before `start` is the place before that line."""

    start: int
    end: int


class Change(msgspec.Struct, frozen=True):
    """Lines of a file, and the text in their stead. Nobody applies it but a person."""

    file: str
    range: Span
    replacement: str


class Suggestion(msgspec.Struct, frozen=True):
    """A better name for a symbol; `confidence` is 0..1."""

    symbol: str
    anchor: Anchor
    current: str
    proposed: str
    reason: str
    confidence: float


class Unscanned(msgspec.Struct, frozen=True):
    """A file without structure, and why."""

    path: str
    reason: str


class SourceRef(msgspec.Struct, frozen=True):
    """A file that the result rests on."""

    path: str
    blob_id: str


class Provenance(msgspec.Struct, frozen=True):
    """Where a result comes from; `dropped` counts what a model named that is not in the manifest."""

    provider: str = "none"
    model: str = ""
    prompt_version: str = ""
    generator: str = GENERATOR
    sources: tuple[SourceRef, ...] = ()
    redactions: dict[str, int] = {}
    dropped: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cached: bool = False


class Result(msgspec.Struct, frozen=True):
    """The whole of it."""

    result_type: str
    text_md: str
    sections: tuple[Section, ...] = ()
    changes: tuple[Change, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    facts: dict[str, Any] = {}
    unscanned: tuple[Unscanned, ...] = ()
    engine: str = STRUCTURAL
    degraded: bool = False
    provenance: Provenance = Provenance()


def encode_result(result: Result) -> bytes:
    """Return a result as JSON."""
    return msgspec.json.encode(result)


def decode_result(content: bytes) -> Result:
    """Return the result of JSON that `encode_result` wrote; raises msgspec.ValidationError."""
    return msgspec.json.decode(content, type=Result)


def result_as_markdown(result: Result) -> str:
    """Return a result as one document."""
    parts = [result.text_md]
    for section in result.sections:
        parts += [f"## {plain(section.title)}", section.text_md]
    parts += _under("Suggestions", [_suggested(each) for each in result.suggestions])
    for change in result.changes:
        where = f"{plain(change.file)}, before line {change.range.start}"
        parts += [f"## Change: {where}", block(change.replacement)]
    parts += _under("Not scanned", [f"{code(each.path)}: {plain(each.reason)}" for each in result.unscanned])
    return "\n\n".join(part for part in parts if part) + "\n"


def _under(title: str, lines: list[str]) -> list[str]:
    """Return a list under its title, nothing for no lines."""
    return [f"## {title}", "\n".join(f"- {line}" for line in lines)] if lines else []


def _suggested(found: Suggestion) -> str:
    where = f"{code(found.anchor.path)}, line {found.anchor.line_start}"
    return f"{code(found.current)} could be {code(found.proposed)} ({where}): {plain(found.reason)}"
