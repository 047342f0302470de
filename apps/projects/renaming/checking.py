"""What of a selection would break code: asked before the preview, and again before it is applied."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from apps.projects.renaming.errors import RenameConflict
from apps.projects.renaming.values import Check, Choice, FoundSymbol, Sources, Wish
from apps.projects.renaming.writing import apply_edits
from apps.projects.states import Bucket, Decision

NAMES_SHOWN: Final = 10


def check_selection(
    wish: Wish,
    symbol: FoundSymbol,
    choices: Sequence[Choice],
    sources: Sources,
    *,
    timeout_s: float = 300.0,
    memory_bytes: int = 2 * 1024**3,
) -> tuple[Check, ...]:
    """Check the selected edits of the approved files against the sources they were found in.

    One check that is not ok blocks. Raises EngineTimeout, EngineFailed.
    """
    return (
        no_file_pending(choices),
        no_refused_edit(choices),
        no_group_split(choices),
        edits_apply(choices, sources),
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
