"""How many distinct categories and labels there are, against what a version may hold."""

from apps.datasets.reading.arrow import compute as pc
from apps.datasets.reading.errors import TooManyCategories
from apps.datasets.reading.limits import CATEGORIES_MAX
from apps.datasets.reading.rows import Events, Terms


class TermCensus:
    """Collects distinct terms of a file or an import."""

    def __init__(self) -> None:
        self.categories: set[str] = set()
        self.labels: set[str] = set()

    def add(self, events: Events) -> None:
        """Count the terms of events in; raises TooManyCategories over 1,000 categories or labels."""
        self.categories |= distinct_terms(events.category)
        self.labels |= distinct_terms(events.label)
        for kind, seen in (("categories", self.categories), ("labels", self.labels)):
            if len(seen) > CATEGORIES_MAX:
                raise TooManyCategories(f"More than {CATEGORIES_MAX:,} distinct {kind}.")


def distinct_terms(terms: Terms) -> set[str]:
    """Return the terms that occur."""
    used = pc.unique(terms.indices.drop_null())
    taken: list[str] = pc.take(terms.dictionary, used).to_pylist()
    return set(taken)
