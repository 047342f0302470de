"""Everything that decides about the rows of one file, settled once before the first of them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from apps.common.errors import FieldError
from apps.datasets.reading.columns import ColumnPlan, resolve_columns
from apps.datasets.reading.coordinates import Area, PointRules
from apps.datasets.reading.errors import MappingInvalid
from apps.datasets.reading.mapping import Dialect, Mapping, NumberField
from apps.datasets.reading.texts import NullTokens, clean_term
from apps.datasets.reading.timestamps import Instant, TimeReader
from apps.datasets.reading.zones import load_zone

ZONE_TABLE_YEARS: int = 11


@dataclass(frozen=True, slots=True)
class Rules:
    """A mapping made ready for one file. `degrees` are index and decimal sign of latitude and longitude."""

    file_no: int
    encoding: str
    mapping: Mapping
    plan: ColumnPlan
    nulls: NullTokens
    times: TimeReader
    constant_instant: Instant | None
    points: PointRules
    degrees: tuple[tuple[int, str], ...]
    value_decimal: str
    category: str | None
    label: str | None

    @classmethod
    def of(
        cls,
        *,
        file_no: int,
        mapping: Mapping,
        dialect: Dialect,
        header: tuple[str, ...],
        zone: str,
        now: datetime,
        area: Area | None,
        personal_words: Collection[str] = (),
    ) -> Self:
        """Resolve a mapping; raises ColumnsMissing, MappingInvalid, ZoneUnknown."""
        plan = resolve_columns(mapping, header, personal_words)
        times = TimeReader(mapping.timestamp.formats, load_zone(zone, now.year + ZONE_TABLE_YEARS), now)
        pair = ((plan.latitude, mapping.latitude), (plan.longitude, mapping.longitude))
        return cls(
            file_no=file_no,
            encoding=dialect.encoding,
            mapping=mapping,
            plan=plan,
            nulls=NullTokens.of(mapping.null_tokens),
            times=times,
            constant_instant=_constant_instant(mapping, times),
            points=PointRules.of(mapping, area),
            degrees=tuple((index, _decimal(field, dialect)) for index, field in pair if index is not None),
            value_decimal=_decimal(mapping.value, dialect),
            category=clean_term(mapping.category.constant),
            label=clean_term(mapping.label.constant) if mapping.label else None,
        )


def _decimal(field: NumberField | None, dialect: Dialect) -> str:
    return (field.decimal if field else None) or dialect.decimal


def _constant_instant(mapping: Mapping, times: TimeReader) -> Instant | None:
    """Read the constant timestamp of a mapping; raises MappingInvalid where no format reads it."""
    constant = mapping.timestamp.constant
    if constant is None:
        return None
    read = times.one(constant)
    if isinstance(read, Instant):
        return read
    error = FieldError("No format reads this time.", read.value, "/fields/timestamp/constant")
    raise MappingInvalid(errors=[error])
