"""What is asked of the recorder, and what becomes of it."""

import enum
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from apps.common.errors import DomainError, FieldError, Invalid
from apps.common.idempotency import RequestKey
from apps.metrics.catalog import Known
from apps.metrics.errors import (
    InvalidName,
    InvalidTags,
    InvalidValue,
    ReservedName,
    SeriesLimit,
    TimestampOutOfRange,
    TypeConflict,
    TypeRequired,
)
from apps.metrics.points.batch import Parsed, PointBatch, Refusal

ERRORS_SHOWN = 200
# One fault of all items is told by its own code.
ERROR_OF = {
    cls.code: cls
    for cls in (
        InvalidName,
        InvalidTags,
        InvalidValue,
        ReservedName,
        SeriesLimit,
        TimestampOutOfRange,
        TypeConflict,
        TypeRequired,
    )
}


class Mode(enum.Enum):
    """What one faulty item does to the others of its request."""

    ATOMIC = "atomic"
    PARTIAL = "partial"


class Untyped(enum.Enum):
    """What happens to a new metric whose type the request does not say."""

    REFUSE = "refuse"
    GUESS = "guess"


def pointer_into_rows(refusal: Refusal) -> str:
    """Return where in a list of points the fault is."""
    return f"/points/{refusal.item}/{refusal.field}"


@dataclass(frozen=True, slots=True)
class Submission:
    """The points of one request, ready to be written for an organization.

    `claim` is set where the whole request counts once however often it is sent: under which name it does.
    `pointer` says where in the request a fault is. `reserves_names` holds in the organization `system`.
    """

    organization_id: uuid.UUID
    parsed: Parsed
    door: str
    received_at_us: int
    mode: Mode = Mode.ATOMIC
    untyped: Untyped = Untyped.REFUSE
    claim: RequestKey | None = None
    reserves_names: bool = False
    pointer: Callable[[Refusal], str] = pointer_into_rows

    @property
    def is_native(self) -> bool:
        """Tell whether amounts of counters must be whole numbers."""
        return self.door == "native"


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was stored: the points, the metrics behind their keys, those made now, and what was refused.

    `is_repeated` says that the same request was stored before: nothing was stored now.
    """

    batch: PointBatch
    metrics: Sequence[Known]
    created: Sequence[str]
    refusals: Sequence[Refusal]
    item_count: int
    is_repeated: bool = False

    @property
    def accepted(self) -> int:
        """Return how many points were stored."""
        return len(self.batch)


def refused(refusals: Sequence[Refusal], pointer: Callable[[Refusal], str]) -> DomainError:
    """Return the error of a request of which nothing was stored."""
    codes = {refusal.code for refusal in refusals}
    if TypeConflict.code in codes:
        cls: type[DomainError] = TypeConflict
    else:
        cls = ERROR_OF.get(codes.pop(), Invalid) if len(codes) == 1 else Invalid
    errors = shown_faults(refusals, pointer)
    detail = errors[0].detail if len(refusals) == 1 else f"{len(refusals)} faults; no point was stored."
    return cls(detail, errors=errors)


def shown_faults(refusals: Sequence[Refusal], pointer: Callable[[Refusal], str]) -> list[FieldError]:
    """Return the first faults of a request by item, as an answer shows them."""
    shown = sorted(refusals, key=lambda refusal: refusal.item)[:ERRORS_SHOWN]
    return [FieldError(each.detail, code=each.code, pointer=pointer(each)) for each in shown]
