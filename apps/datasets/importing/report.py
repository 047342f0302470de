"""The quality report of an import, as its version keeps it."""

from typing import Any

from apps.datasets.importing.attempt import Attempt
from apps.datasets.models import Segment


def quality_report(attempt: Attempt, segment: Segment) -> dict[str, Any]:
    """Return what the version says about how its rows came to be."""
    row = attempt.row
    score = 100 * row.accepted / row.rows_read if row.rows_read else 100.0
    return {"score": max(score - 10 * len(row.warnings), 0.0)}
