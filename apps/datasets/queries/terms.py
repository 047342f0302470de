"""The texts behind category and label numbers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from apps.datasets.models import Term, TermField


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Category and label texts of one dataset by number."""

    categories: dict[int, str] = field(default_factory=dict)
    labels: dict[int, str] = field(default_factory=dict)

    def category_nos(self, names: Iterable[str]) -> tuple[int, ...]:
        """Return the numbers of those of the names that the dataset has."""
        return _numbers(self.categories, names)

    def label_nos(self, names: Iterable[str]) -> tuple[int, ...]:
        """Return the numbers of those of the labels that the dataset has."""
        return _numbers(self.labels, names)


def load_vocabularies(dataset_nos: Sequence[int]) -> dict[int, Vocabulary]:
    """Return the vocabulary of each dataset. One query."""
    found = {number: Vocabulary() for number in dataset_nos}
    rows = Term.objects.filter(dataset_no__in=dataset_nos).values_list("dataset_no", "field", "no", "text")
    for dataset_no, term_field, number, text in rows:
        vocabulary = found[dataset_no]
        texts = vocabulary.categories if term_field == TermField.CATEGORY else vocabulary.labels
        texts[number] = text
    return found


def _numbers(texts: dict[int, str], names: Iterable[str]) -> tuple[int, ...]:
    wanted = set(names)
    return tuple(sorted(number for number, text in texts.items() if text in wanted))
