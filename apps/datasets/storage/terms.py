"""Numbers for category and label texts: drawn once per dataset and never reused."""

from typing import Any, Final

import numpy as np
import pyarrow as pa

from apps.datasets.models import Term, TermField
from apps.datasets.reading.errors import TooManyCategories
from apps.datasets.reading.limits import CATEGORIES_MAX
from apps.datasets.reading.rows import Events, Int16s
from apps.datasets.storage.events import NO_LABEL, TermColumns

NUMBER_MAX: Final = 32_767


class TermNumbers:
    """The terms of one dataset while an import writes them; only one import of a dataset runs at a time.

    `seen` holds the texts that the version being made will have, so that it never has over 1,000.
    """

    def __init__(self, dataset_no: int) -> None:
        self.dataset_no = dataset_no
        self._numbers: dict[str, dict[str, int]] = {field.value: {} for field in TermField}
        rows = Term.objects.filter(dataset_no=dataset_no).values_list("field", "no", "text")
        for field, number, text in rows:
            self._numbers[field][text] = number
        self._seen: dict[str, set[int]] = {field.value: set() for field in TermField}

    def keep(self, field: TermField, numbers: set[int]) -> None:
        """Count numbers that the version will have anyway: those of kept segments and of staged rows."""
        self._seen[field.value] |= numbers
        self._check(field)

    def number(self, events: Events) -> TermColumns:
        """Return the numbers of a batch, writing terms not yet known; raises TooManyCategories.

        Runs inside the chunk's transaction. When that is undone the object must be made anew.
        """
        return TermColumns(
            self._column(TermField.CATEGORY, events.category), self._column(TermField.LABEL, events.label)
        )

    def _column(self, field: TermField, terms: "pa.DictionaryArray[Any, Any]") -> Int16s:
        texts: list[Any] = terms.dictionary.to_pylist()
        indexes = terms.indices.fill_null(len(texts)).to_numpy(zero_copy_only=False)
        used = {int(index) for index in np.unique(indexes)} - {len(texts)}
        self._write_new(field, [texts[index] for index in sorted(used)])
        known = self._numbers[field.value]
        numbers = [known[text] if index in used else NO_LABEL for index, text in enumerate(texts)]
        self._seen[field.value] |= {numbers[index] for index in used}
        self._check(field)
        column: Int16s = np.array([*numbers, NO_LABEL], np.int16)[indexes]
        return column

    def _write_new(self, field: TermField, texts: list[str]) -> None:
        known = self._numbers[field.value]
        new = [text for text in dict.fromkeys(texts) if text not in known]
        if not new:
            return
        first = max(known.values(), default=0) + 1
        if len(new) > CATEGORIES_MAX or first + len(new) > NUMBER_MAX:
            raise TooManyCategories(_detail(field))
        rows = [
            Term(dataset_no=self.dataset_no, field=field, no=number, text=text)
            for number, text in enumerate(new, first)
        ]
        Term.objects.bulk_create(rows)
        known |= {row.text: row.no for row in rows}

    def _check(self, field: TermField) -> None:
        if len(self._seen[field.value]) > CATEGORIES_MAX:
            raise TooManyCategories(_detail(field))


def _detail(field: TermField) -> str:
    noun = "categories" if field is TermField.CATEGORY else "labels"
    return f"A version holds at most {CATEGORIES_MAX:,} distinct {noun}."
