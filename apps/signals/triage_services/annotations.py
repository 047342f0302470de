"""What people write over a signal's generated texts."""

from typing import Final

from django.db import transaction

from apps.accounts.permissions import Actor, require
from apps.common.errors import FieldError, Invalid
from apps.signals.announcing import announce_lists_stale, announce_signal
from apps.signals.models import Annotation, Signal
from apps.signals.queries.assignees import WORK

TEXT_CHARS: Final = 4_000
# What it is called outside -> the column.
_COLUMNS: Final = {"description": "description_override", "why_matters": "why_matters"}


@transaction.atomic
def annotate_signal(*, actor: Actor, signal: Signal, **texts: str | None) -> Annotation:
    """Set `description` or `why_matters`; None clears a text, what is not named stays.

    Raises Forbidden, and Invalid for a text that is empty or too long.
    """
    require(actor, WORK)
    for name, text in texts.items():
        _check_text(name, text)
    Annotation.objects.get_or_create(organization=signal.organization, signal=signal)
    # Locked, so that two who change different texts at once both keep theirs.
    annotation: Annotation = Annotation.objects.select_for_update().get(signal=signal)
    for name, text in texts.items():
        setattr(annotation, _COLUMNS[name], text)
    annotation.edited_by = actor.person
    annotation.save()
    announce_signal(signal.pk, signal.organization_id)
    announce_lists_stale(signal.organization_id)
    return annotation


def _check_text(name: str, text: str | None) -> None:
    if text is None or (text.strip() and len(text) <= TEXT_CHARS):
        return
    detail = f"Write 1 to {TEXT_CHARS:,} characters, or null to clear it."
    raise Invalid(errors=[FieldError(detail, pointer=f"/{name}")])
