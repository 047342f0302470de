"""Recording by synchronous code: pages, tools, the installation's own figures."""

import functools
from collections.abc import Callable

from django.db import transaction

from apps.accounts.permissions import Actor, require
from apps.common.errors import DomainError
from apps.metrics.points.batch import Parsed, Refusal
from apps.metrics.recording.after import after_commit
from apps.metrics.recording.outcomes import Mode, Recorded, Submission, Untyped, pointer_into_rows
from apps.metrics.recording.pressure import refuse_overload
from apps.metrics.recording.writing import write_group


def record_points(
    *,
    actor: Actor,
    parsed: Parsed,
    received_at_us: int,
    door: str = "native",
    mode: Mode = Mode.ATOMIC,
    untyped: Untyped = Untyped.REFUSE,
    pointer: Callable[[Refusal], str] = pointer_into_rows,
) -> Recorded:
    """Store points; when this returns outside a transaction, they are in every answer asked for from then on.

    Raises TypeConflict, Invalid and its kin for refused items (with `mode` ATOMIC), Overloaded, Forbidden.
    """
    require(actor, "metrics.write")
    refuse_overload(actor.organization.pk)
    submission = Submission(
        organization_id=actor.organization.pk,
        parsed=parsed,
        door=door,
        received_at_us=received_at_us,
        mode=mode,
        untyped=untyped,
        pointer=pointer,
        reserves_names=actor.organization.is_system,
    )
    (outcome,) = write_group([submission])
    if isinstance(outcome, DomainError):
        after_commit(actor.organization.pk, [outcome])
        raise outcome
    transaction.on_commit(functools.partial(after_commit, actor.organization.pk, [outcome]), robust=True)
    return outcome
