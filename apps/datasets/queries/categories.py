"""The categories and labels of a version with their numbers of events."""

from collections import Counter
from collections.abc import Iterable

from django.db.models import Count

from apps.datasets.models import Event, Segment, Term, TermField, Version


def counted_terms(version: Version, field: TermField) -> list[Term]:
    """Return the terms that a version's events have, each with `count`, the most frequent first.

    Categories are summed from the segments' facts; labels are counted in the event table.
    """
    dataset_no = version.dataset.no
    segments = Segment.objects.of_version(version.pk)
    if field is TermField.CATEGORY:
        counts = count_categories(segments)
    else:
        counts = Counter()
        for segment in segments:
            counts.update(_label_counts(segment, dataset_no))
    terms = list(Term.objects.filter(dataset_no=dataset_no, field=field, no__in=list(counts)))
    for term in terms:
        term.count = counts[term.no]  # type: ignore[attr-defined]
    return sorted(terms, key=lambda term: (-counts[term.no], term.text))


def count_categories(segments: Iterable[Segment]) -> Counter[int]:
    """Return events by category number, from the segments' facts."""
    counts: Counter[int] = Counter()
    for segment in segments:
        counts.update({int(number): count for number, count in segment.category_counts.items()})
    return counts


def _label_counts(segment: Segment, dataset_no: int) -> dict[int, int]:
    rows = Event.objects.filter(
        slab=segment.slab, dataset_no=dataset_no, segment_no=segment.no, label_no__isnull=False
    )
    pairs = rows.order_by().values_list("label_no").annotate(n=Count("event_no"))
    return {number: count for number, count in pairs if number is not None}
