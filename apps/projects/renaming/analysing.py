"""The analysis of a rename: from sources and a wish to edits with their degree of certainty."""

from collections.abc import Sequence

from apps.projects.analysis.isolated import EngineLimits
from apps.projects.renaming.findings import files_of, refuse_encodings, residual_of, within_limit
from apps.projects.renaming.naming import vetted_name
from apps.projects.renaming.selecting import select_files
from apps.projects.renaming.syntactic import find_words
from apps.projects.renaming.values import Analysis, Sources, Wish
from apps.projects.states import Completeness


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
    symbol, findings, conflicts, unscanned = find_words(wish, name, selected, limits)
    excluded = [item for item in findings if item.path not in selected.editable]
    kept, left = within_limit([item for item in findings if item.path in selected.editable])
    partial = bool(left) or selected.is_partial
    return Analysis(
        symbol=symbol,
        outcome=Completeness.PARTIAL if partial else Completeness.COMPLETE,
        files=files_of(refuse_encodings(kept, name, selected), name, selected, {}),
        conflicts=tuple(conflicts),
        residual=residual_of((item, "excluded") for item in excluded),
        unscanned=(*selected.unscanned, *unscanned, *left),
        scanned={path: source.blob for path, source in selected.files.items()},
    )
