"""Where in a body a refused item stands, as a JSON pointer."""

from enum import StrEnum

from apps.metrics.points.batch import Refusal


class Form(StrEnum):
    """How a body holds its points."""

    SINGLE = "single"
    ROWS = "rows"
    COLUMNS = "columns"


def pointer_of(refusal: Refusal, form: Form, scalars: frozenset[str] = frozenset()) -> str:
    """Return `/value`, `/points/3/value` or `/columns/value/3`.

    `scalars` are the columns that hold one value for all points: `/columns/type`.
    """
    field = refusal.field.replace("~", "~0").replace("/", "~1")
    if form is Form.COLUMNS:
        place = "" if refusal.field in scalars else f"/{refusal.item}"
        return f"/columns/{field}{place}"
    parts = ["points", str(refusal.item)] if form is Form.ROWS else []
    return "".join(f"/{part}" for part in [*parts, field] if part)
