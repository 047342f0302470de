"""Which column of a file feeds which field: a mapping resolved against one header."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from apps.common.errors import FieldError
from apps.datasets.reading.errors import ColumnsMissing, MappingInvalid
from apps.datasets.reading.limits import PROPERTIES_MAX
from apps.datasets.reading.mapping import Mapping

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """Indexes of the columns that are read. `names` is the whole header; `personal` was left out."""

    names: tuple[str, ...]
    timestamp: tuple[int, ...]
    latitude: int | None
    longitude: int | None
    geometry: int | None
    category: int | None
    value: int | None
    label: int | None
    external_id: int | None
    properties: tuple[int, ...]
    personal: tuple[str, ...]


def name_columns(cells: Iterable[str]) -> tuple[str, ...]:
    """Return unique names: trimmed, `column_3` for an empty one, `_2` and so on for repeated ones."""
    names: dict[str, None] = {}
    for number, cell in enumerate(cells, 1):
        wanted = cell.strip() or f"column_{number}"
        name, repeat = wanted, 1
        while name in names:
            repeat += 1
            name = f"{wanted}_{repeat}"
        names[name] = None
    return tuple(names)


def words_of(name: str) -> list[str]:
    """Split a header at everything that is no letter or digit and at humps; lower case."""
    return [word.lower() for word in _WORD.findall(name)]


def is_personal(name: str, personal_words: Collection[str]) -> bool:
    """Tell whether a header has one of the words, also as the start of one (`ethnic` in `ethnicity`)."""
    stems = tuple(word.lower() for word in personal_words if len(word) > 4)  # noqa: PLR2004
    exact = {word.lower() for word in personal_words}
    return any(word in exact or word.startswith(stems) for word in words_of(name))


def resolve_columns(
    mapping: Mapping, header: tuple[str, ...], personal_words: Collection[str] = ()
) -> ColumnPlan:
    """Find the mapped columns in a header by name.

    Raises ColumnsMissing naming them, MappingInvalid where a personal column is mapped without keep_personal.
    """
    indexes = {name: index for index, name in enumerate(header)}
    missing = [name for name in mapping.columns if name not in indexes]
    if missing:
        raise ColumnsMissing(f"Not in this file: {', '.join(missing)}.", extra={"columns": missing})
    personal = () if mapping.keep_personal else tuple(n for n in header if is_personal(n, personal_words))
    _refuse_personal(mapping, personal)

    def index_of(name: str) -> int | None:
        column = getattr(mapping.fields.get(name), "column", None)
        return None if column is None else indexes[column]

    return ColumnPlan(
        names=header,
        timestamp=tuple(indexes[name] for name in mapping.timestamp.columns),
        latitude=index_of("latitude"),
        longitude=index_of("longitude"),
        geometry=index_of("geometry"),
        category=index_of("category"),
        value=index_of("value"),
        label=index_of("label"),
        external_id=index_of("external_id"),
        properties=tuple(indexes[name] for name in _property_names(mapping, header, personal)),
        personal=personal,
    )


def _refuse_personal(mapping: Mapping, personal: tuple[str, ...]) -> None:
    refused = [
        FieldError(
            detail="This column looks personal; keep_personal would keep it.",
            code="personal",
            pointer=pointer,
        )
        for column, pointer in mapping.columns.items()
        if column in personal
    ]
    if refused:
        raise MappingInvalid(errors=refused)


def _property_names(mapping: Mapping, header: tuple[str, ...], personal: tuple[str, ...]) -> list[str]:
    """Return the kept columns: those named and there, or the first 64 that are mapped to nothing."""
    if mapping.properties == "none":
        return []
    if isinstance(mapping.properties, tuple):
        return [name for name in mapping.properties if name in header and name not in personal]
    mapped = mapping.columns
    return [name for name in header if name not in mapped and name not in personal][:PROPERTIES_MAX]
