"""What the templates of projects say of states, ids and sizes."""

from collections.abc import Mapping, Sequence
from typing import Final

from django import template

from apps.projects.states import MirrorState, ProposalState

register = template.Library()

SHORT_ID_CHARS: Final = 10
MIRROR_TONES: Final[Mapping[str, str]] = {
    MirrorState.ACTIVE: "good",
    MirrorState.NEW: "busy",
    MirrorState.CLONING: "busy",
    MirrorState.RECLONING: "busy",
    MirrorState.STALE: "warn",
    MirrorState.HELD: "warn",
    MirrorState.BRANCH_MISSING: "warn",
}
PROPOSAL_TONES: Final[Mapping[str, str]] = {
    ProposalState.ANALYSING: "busy",
    ProposalState.APPLYING: "busy",
    ProposalState.PROPOSED: "warn",
    ProposalState.APPLIED: "good",
    ProposalState.FAILED: "bad",
}


@register.filter
def mirror_tone(state: str) -> str:
    """Return the tone of a mirror's state; what is not known is bad."""
    return MIRROR_TONES.get(state, "bad")


@register.filter
def proposal_tone(state: str) -> str:
    """Return the tone of a proposal's state; none for what merely is over."""
    return PROPOSAL_TONES.get(state, "")


@register.filter
def short_id(commit: str) -> str:
    """Return the first characters of a commit's id."""
    return commit[:SHORT_ID_CHARS]


@register.filter
def one_a_line(values: Sequence[str]) -> str:
    """Return texts one below the other, as a field for many takes them."""
    return "\n".join(values)


@register.filter
def hex_of(value: bytes | memoryview | None) -> str:
    """Return bytes in hex."""
    return bytes(value).hex() if value is not None else ""


@register.filter
def path_text(value: bytes | memoryview) -> str:
    """Return a path as people read it."""
    return bytes(value).decode("utf-8", "replace")
