"""A scope: the events of one version under filters, as far as the manifest can narrow them."""

from dataclasses import dataclass, replace
from typing import Final
from zoneinfo import ZoneInfo

from apps.datasets.models import Dataset, Segment, Version
from apps.datasets.queries.terms import Vocabulary
from apps.datasets.queries.windows import Span, Window
from apps.datasets.reading.rows import Precision

ANY_TIME: Final = Window()


@dataclass(frozen=True, slots=True)
class Filters:
    """What events must be like; an empty tuple or None filters nothing.

    hours: first and last hour of the day, both included, first > last wraps midnight. weekdays: ISO, 1 is
    Monday. Both, like bare dates in the window, are in each dataset's zone.
    """

    window: Window = ANY_TIME
    categories: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    value_min: float | None = None
    value_max: float | None = None
    hours: tuple[int, int] | None = None
    weekdays: tuple[int, ...] = ()

    @property
    def finest_needed(self) -> Precision | None:
        """Return how precise an event must be to pass hours and weekdays; None without such a filter."""
        if self.hours is not None:
            return Precision.INSTANT
        return Precision.DAY if self.weekdays else None


@dataclass(frozen=True, slots=True)
class Scope:
    """One version of a dataset under filters; `segments` are those that may hold matching events.

    category_nos, label_nos: the numbers the filter's names have in this dataset; None filters nothing.
    """

    dataset: Dataset
    version: Version
    span: Span
    filters: Filters
    segments: tuple[Segment, ...]
    category_nos: tuple[int, ...] | None
    label_nos: tuple[int, ...] | None
    vocabulary: Vocabulary

    @property
    def pivot(self) -> float:
        """Return the value about which sums are taken."""
        return self.dataset.value_pivot or 0.0

    @property
    def rows(self) -> int:
        """Return how many events the touched segments hold."""
        return sum(segment.rows for segment in self.segments)

    def narrowed_to(self, segment: Segment) -> "Scope":
        """Return the scope of one of its segments alone; without rows there is none to read."""
        return replace(self, segments=(segment,) if segment.rows else ())


def open_scope(dataset: Dataset, version: Version, filters: Filters, vocabulary: Vocabulary) -> Scope:
    """Return the scope of a version; segments outside the window are left out. One query."""
    span = filters.window.in_zone(ZoneInfo(dataset.zone))
    category_nos = vocabulary.category_nos(filters.categories) if filters.categories else None
    label_nos = vocabulary.label_nos(filters.labels) if filters.labels else None
    can_match = not span.is_empty and category_nos != () and label_nos != ()
    segments = Segment.objects.of_version(version.pk) if can_match else ()
    return Scope(
        dataset=dataset,
        version=version,
        span=span,
        filters=filters,
        segments=tuple(segment for segment in segments if _may_match(segment, span)),
        category_nos=category_nos,
        label_nos=label_nos,
        vocabulary=vocabulary,
    )


def _may_match(segment: Segment, span: Span) -> bool:
    """Tell whether the segment holds rows within the window, its coarsest events taken as intervals."""
    if not segment.rows or segment.first_at is None or segment.last_at is None:
        return False
    earliest = span.earliest(coarsest_precision(segment.precision_counts))
    starts_before_end = span.end is None or segment.first_at < span.end
    return starts_before_end and (earliest is None or segment.last_at >= earliest)


def coarsest_precision(counts: dict[str, int]) -> Precision:
    """Return the coarsest precision that `precision_counts` (by number) holds; of all if it is empty."""
    return Precision(max((int(number) for number, rows in counts.items() if rows), default=Precision.YEAR))
