"""The edits that people chose, and what of their choice can never be applied. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from apps.projects.models import Proposal, ProposalFile
from apps.projects.proposing.recording import edits_of, selected_edits
from apps.projects.renaming.values import Check, Edit
from apps.projects.states import Completeness, Decision

NAMED_MAX: Final = 5


def chosen_edits(rows: Iterable[ProposalFile]) -> dict[bytes, list[Edit]]:
    """Return the ticked edits of approved files by path, without files that have none and do not move."""
    found = {
        bytes(row.path): selected_edits(row) for row in rows if row.decision == Decision.APPROVED
    }
    moved = {bytes(row.path) for row in rows if row.new_path}
    return {path: edits for path, edits in found.items() if edits or path in moved}


def check_choice(proposal: Proposal, rows: Sequence[ProposalFile]) -> Iterator[Check]:
    """Yield the checks of a choice that need no look at the code."""
    pending = [str(row) for row in rows if row.decision == Decision.PENDING]
    yield Check("decided", not pending, _named("Not decided yet", pending))
    split = sorted(_split_groups(rows))
    yield Check("groups_whole", not split, _named("Chosen in part only", split))
    yield Check("anything_chosen", bool(chosen_edits(rows)), "At least one edit of an approved file.")
    is_refused = proposal.outcome == Completeness.REFUSED
    yield Check("not_refused", not is_refused, "The analysis found that this rename breaks code.")


def _split_groups(rows: Iterable[ProposalFile]) -> set[str]:
    """Return the text before the edit of each group of which only a part was chosen, with its group."""
    chosen: Mapping[str, set[bool]] = defaultdict(set)
    for row in rows:
        is_approved = row.decision == Decision.APPROVED
        for edit in edits_of(row):
            if edit.group:
                chosen[edit.group].add(is_approved and edit.selected)
    return {group for group, states in chosen.items() if len(states) > 1}


def _named(what: str, names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
    return f"{what}: {', '.join(names[:NAMED_MAX])}{more}." if names else ""
