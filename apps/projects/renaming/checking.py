"""What of a selection would break code: asked before the preview, and again before it is applied."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import msgspec

from apps.projects.analysis.isolated import EngineLimits, run_isolated
from apps.projects.renaming.errors import RenameConflict
from apps.projects.renaming.naming import vetted_name
from apps.projects.renaming.selecting import select_files
from apps.projects.renaming.semantic import SURVEYING, question_of
from apps.projects.renaming.values import Check, Choice, FoundSymbol, Sources, Wish
from apps.projects.renaming.wire import Asked, Site, Verdict
from apps.projects.renaming.writing import apply_edits
from apps.projects.states import Bucket, Decision, RenameMode

NAMES_SHOWN: Final = 10
# What reading the code before and after can find.
CODE_CHECKS: Final = ("does_not_parse", "reference_missed", "captured", "shadows", "name_taken")


def check_selection(
    wish: Wish,
    symbol: FoundSymbol,
    choices: Sequence[Choice],
    sources: Sources,
    *,
    timeout_s: float = 300.0,
    memory_bytes: int = 2 * 1024**3,
) -> tuple[Check, ...]:
    """Check the selected edits of the approved files against all sources they were found in.

    One check that is not ok blocks. The code of Python is read again, before and after the edits, in a
    process of its own; raises EngineTimeout, EngineFailed.
    """
    plain = (
        no_file_pending(choices),
        no_refused_edit(choices),
        no_group_split(choices),
        edits_apply(choices, sources),
    )
    if wish.mode != RenameMode.SEMANTIC or not all(check.ok for check in plain):
        return plain
    limits = EngineLimits(memory_bytes=memory_bytes, wall_s=timeout_s)
    return (*plain, *sound_in_meaning(wish, symbol, choices, sources, limits))


def sound_in_meaning(
    wish: Wish, symbol: FoundSymbol, choices: Sequence[Choice], sources: Sources, limits: EngineLimits
) -> tuple[Check, ...]:
    """Read the code before and after: does each site bind the symbol, and nothing else something new?"""
    asked = request_of(wish, symbol, choices, sources)
    if asked.edits == [] and not asked.moves:
        return (Check("something_selected", ok=False, detail=""),)
    output = run_isolated(SURVEYING, msgspec.json.encode(asked), limits=limits)
    return checks_of(msgspec.json.decode(output, type=Verdict))


def request_of(wish: Wish, symbol: FoundSymbol, choices: Sequence[Choice], sources: Sources) -> Asked:
    """Put the selection into a question to the view of the code."""
    selected = select_files(sources, (), ())
    place = None if wish.qualified_name else wish.place
    question = question_of(replace(wish, place=place), vetted_name(wish.new_name), selected)
    edits = [
        Site(path, edit.line, edit.column, edit.before, edit.after, "", is_bound=True, is_own=True)
        for choice in choices
        for edit in choice.file.edits
        if edit.id in ticked(choice) and (path := choice.file.path.decode("utf-8", "replace"))
    ]
    moves = {
        choice.file.path.decode(): choice.file.new_path.decode()
        for choice in choices
        if choice.file.new_path and choice.decision == Decision.APPROVED
    }
    return Asked(question, edits, moves)


def checks_of(verdict: Verdict) -> tuple[Check, ...]:
    """Return one check for each way in which the edits could break code."""
    found: dict[str, list[str]] = defaultdict(list)
    for clash in verdict.clashes:
        found[clash.code].append(f"{clash.path}:{clash.line}")
    known = [code for code in CODE_CHECKS if code not in found]
    return tuple(
        Check(code, ok=code not in found, detail=", ".join(found.get(code, [])[:NAMES_SHOWN]))
        for code in [*known, *sorted(found)]
    )


def ticked(choice: Choice) -> set[str]:
    """Return the ids of the edits that would be made."""
    if choice.decision != Decision.APPROVED:
        return set()
    return {edit.id for edit in choice.file.edits if edit.selected}


def no_file_pending(choices: Sequence[Choice]) -> Check:
    """Every file was decided on."""
    pending = [choice.file.path for choice in choices if choice.decision == Decision.PENDING]
    return Check("files_decided", not pending, names_of(pending))


def no_refused_edit(choices: Sequence[Choice]) -> Check:
    """Nothing is ticked that breaks a rule."""
    refused = [
        choice.file.path
        for choice in choices
        if any(e.bucket == Bucket.REFUSED for e in choice.file.edits if e.id in ticked(choice))
    ]
    return Check("none_refused", not refused, names_of(refused))


def no_group_split(choices: Sequence[Choice]) -> Check:
    """Sites that must change together do."""
    answers: dict[str, set[bool]] = defaultdict(set)
    for choice in choices:
        chosen = ticked(choice)
        for edit in choice.file.edits:
            if edit.group:
                answers[edit.group].add(edit.id in chosen)
        if choice.file.new_path:
            answers[""].add(choice.decision == Decision.APPROVED)
    split = sum(len(values) > 1 for values in answers.values())
    return Check("groups_whole", not split, f"{split} split" if split else "")


def edits_apply(choices: Sequence[Choice], sources: Sources) -> Check:
    """The files are those that were looked at, and can hold the new name."""
    contents = {source.path: source for source in sources}
    broken = []
    for choice in choices:
        source = contents.get(choice.file.path)
        edits = [edit for edit in choice.file.edits if edit.id in ticked(choice)]
        if source is None or source.blob != choice.file.blob:
            broken.append(choice.file.path)
            continue
        try:
            apply_edits(source.content, edits, choice.file.encoding)
        except RenameConflict:
            broken.append(choice.file.path)
    return Check("edits_apply", not broken, names_of(broken))


def names_of(paths: Sequence[bytes]) -> str:
    """Name some of the files, and count the others."""
    shown = ", ".join(path.decode("utf-8", "replace") for path in paths[:NAMES_SHOWN])
    return f"{shown} and {len(paths) - NAMES_SHOWN} more" if len(paths) > NAMES_SHOWN else shown
