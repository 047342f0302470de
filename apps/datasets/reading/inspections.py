"""What an inspection says of a file, whatever form the file has."""

from dataclasses import dataclass
from typing import Any

from apps.datasets.reading.encodings import EncodingFound
from apps.datasets.reading.mapping import Dialect
from apps.datasets.reading.values import has_decimal_comma, has_decimal_point


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found. `sample`: up to 3,000 rows as wide as the header; `preview`: the first 50 as they are.

    Where `encoding.is_decided` is false a person must choose. `dialect.header_line` is 0 where there is none.
    """

    size: int
    dialect: Dialect
    encoding: EncodingFound
    header: tuple[str, ...]
    sample: tuple[tuple[str, ...], ...]
    preview: tuple[tuple[str, ...], ...]
    facts: dict[str, Any]

    @property
    def has_rows(self) -> bool:
        """Tell whether there is anything after the header."""
        return bool(self.preview)

    @property
    def signature(self) -> tuple[str, ...]:
        """Return the sorted header names, by which profiles are found."""
        return tuple(sorted(self.header))


def decimal_of(sample: tuple[tuple[str, ...], ...]) -> str:
    """Return the comma where columns have decimal commas and none has decimal points."""
    columns = list(zip(*sample, strict=False))
    commas = any(has_decimal_comma(column) for column in columns)
    return "," if commas and not any(has_decimal_point(column) for column in columns) else "."
