"""The jobs of previews, and what follows when one ends.

A worker may die between the end of a job and what follows: the rows are the truth, and the clock asks again.
"""

from apps.previews.models import Bundle
from apps.previews.validating.job import validate_bundle
from apps.previews.validating.settling import settle_bundle

__all__ = ["validate_bundle"]


@validate_bundle.on_end
def follow_validation(row: Bundle) -> None:
    """Settle the session of a bundle that was refused."""
    settle_bundle(row)
