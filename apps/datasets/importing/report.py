"""The quality report as a version keeps it: the engine's report, and the drift from the version before."""

from typing import Any

from apps.datasets.importing.attempt import Attempt
from apps.datasets.models import Segment, Term, TermField, Version
from apps.datasets.queries.categories import count_categories
from apps.datasets.storage.statistics import total


def quality_report(attempt: Attempt, segments: list[Segment]) -> dict[str, Any]:
    """Return the report for a version of these segments."""
    parent = attempt.dataset.current_version
    drift = _drift(parent, segments) if parent else None
    return {**attempt.at.quality, "drift": drift}


def _drift(parent: Version, segments: list[Segment]) -> dict[str, Any]:
    """Return rows, extent and categories before and after."""
    now = total(segments)
    before = count_categories(Segment.objects.of_version(parent.pk))
    after = count_categories(segments)
    terms = Term.objects.filter(dataset_no=parent.dataset.no, field=TermField.CATEGORY)
    texts = dict(terms.values_list("no", "text"))
    return {
        "rows": [parent.event_count, now.event_count],
        "extent": [parent.extent, now.extent],
        "categories_added": sorted(texts[number] for number in after.keys() - before.keys()),
        "categories_gone": sorted(texts[number] for number in before.keys() - after.keys()),
    }
