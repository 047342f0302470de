"""The analysis of a rename: from sources and a wish to edits with their degree of certainty."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from apps.projects.analysis.isolated import EngineLimits
from apps.projects.renaming.buckets import disagreements, sort_sites
from apps.projects.renaming.findings import Finding, files_of, refuse_encodings, residual_of, within_limit
from apps.projects.renaming.naming import vetted_name
from apps.projects.renaming.selecting import Selected, select_files
from apps.projects.renaming.semantic import Heard, ask, found_symbol
from apps.projects.renaming.syntactic import find_words
from apps.projects.renaming.values import Analysis, Conflict, FoundSymbol, Sources, Unscanned, Wish
from apps.projects.renaming.wire import Spot
from apps.projects.states import Bucket, Completeness, RenameMode

# Reasons that leave a file unread which could be read.
OUT_OF: Final = frozenset({"time", "memory"})


@dataclass(frozen=True, slots=True)
class Sorted:
    """All that was found, sorted: what may change, what stays, why it may not be done."""

    symbol: FoundSymbol
    findings: list[Finding]
    left: list[tuple[Finding, str]]
    conflicts: list[Conflict]
    unscanned: list[Unscanned]
    moves: Mapping[str, str]
    is_partial: bool = False


def analyse(
    wish: Wish,
    sources: Sources,
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    timeout_s: float = 300.0,
    memory_bytes: int = 2 * 1024**3,
) -> Analysis:
    """Find every occurrence of the wished symbol, and what a rename would break.

    Excluded files are read and never changed. Raises NewNameInvalid, SymbolNotFound, SymbolAmbiguous,
    LanguageNotSupported; EngineTimeout and EngineFailed where nothing at all can be said.
    """
    name = vetted_name(wish.new_name)
    selected = select_files(sources, include, exclude)
    limits = EngineLimits(memory_bytes=memory_bytes, wall_s=timeout_s)
    if wish.mode == RenameMode.SYNTACTIC:
        symbol, findings, conflicts, unscanned = find_words(wish, name, selected, limits)
        return conclude(Sorted(symbol, findings, [], conflicts, unscanned, {}), name, selected)
    return conclude(sort_heard(wish, ask(wish, name, selected, limits)), name, selected)


def sort_heard(wish: Wish, heard: Heard) -> Sorted:
    """Sort what our view and the engines say."""
    survey = heard.survey
    doubtful = disagreements(survey.left, heard.engines)
    left: list[tuple[Finding, str]] = []
    findings = sort_sites(survey, heard.engines)
    for item in survey.left:
        found = Finding(
            item.path, item.line, item.column, item.text, wish.new_name, Bucket.UNSURE, "engines_disagree"
        )
        if Spot(item.path, item.line, item.column) in doubtful:
            findings.append(found)
        else:
            left.append((found, item.reason))
    return Sorted(
        symbol=found_symbol(survey, wish),
        findings=findings,
        left=left,
        conflicts=[Conflict(item.code, item.path, item.line, item.detail) for item in survey.clashes],
        unscanned=[Unscanned(path, reason) for path, reason in sorted(survey.unparsed.items())],
        moves=survey.moves,
        is_partial=not all(answer.is_complete for answer in heard.engines.values())
        or not OUT_OF.isdisjoint(survey.unparsed.values()),
    )


def conclude(found: Sorted, name: str, selected: Selected) -> Analysis:
    """Make edits of what may change, within the limits."""
    excluded = [item for item in found.findings if item.path not in selected.editable]
    kept, beyond = within_limit([item for item in found.findings if item.path in selected.editable])
    edits = refuse_encodings(kept, name, selected)
    narrow = {item.path for item in edits if not selected.texts[item.path].can_hold(name)}
    is_refused = any(item.bucket == Bucket.REFUSED and item.group for item in edits) or bool(
        found.moves and found.conflicts
    )
    moves = {path: new for path, new in found.moves.items() if path in selected.editable and not is_refused}
    is_partial = bool(beyond) or selected.is_partial or found.is_partial
    outcome = Completeness.PARTIAL if is_partial else Completeness.COMPLETE
    return Analysis(
        symbol=found.symbol,
        outcome=Completeness.REFUSED if is_refused else outcome,
        files=files_of(edits, selected, moves),
        conflicts=(*found.conflicts, *(Conflict("encoding", path, 1, name) for path in sorted(narrow))),
        residual=residual_of([*found.left, *((item, "excluded") for item in excluded)]),
        unscanned=(*selected.unscanned, *found.unscanned, *beyond),
        scanned={path: source.blob for path, source in selected.files.items()},
    )
