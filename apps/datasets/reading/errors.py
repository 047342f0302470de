"""What can be wrong with a file or a mapping as a whole; rows that fail are `Reject`s, not errors.

DomainError
├── Invalid
│   ├── NotATable            the bytes are something else (xlsx, html, pdf, image, archive)
│   ├── Damaged              its structure cannot be followed to its end
│   ├── TooLarge             it unpacks to more than can be read
│   ├── CrsUnsupported       its points are in another reference system than WGS 84
│   ├── EmptyFile            nothing in it, or a header only
│   ├── TooManyColumns
│   ├── ColumnsMissing       a mapped column is not in this file
│   ├── TooManyCategories    more distinct categories (or labels) than a version holds
│   ├── MappingInvalid       errors carry JSON pointers into the mapping
│   ├── DialectInvalid       the same for the dialect
│   └── ZoneUnknown
"""

from apps.common.errors import Invalid


class ReadingError(Invalid):
    """The file cannot be read as events."""

    code = "datasets.unreadable"


class NotATable(ReadingError):
    """The file is not a table of rows."""

    code = "datasets.not_a_table"


class Damaged(ReadingError):
    """The file is damaged.

    It ends too early, or its structure cannot be followed to its end; fetch or export it again.
    """

    code = "datasets.damaged"


class TooLarge(ReadingError):
    """The file unpacks to more than can be read."""

    code = "datasets.too_large"


class CrsUnsupported(ReadingError):
    """The points of the file are in a reference system that is not read.

    Longitude and latitude in degrees (EPSG:4326, CRS84) are; transform the file first.
    """

    code = "datasets.crs_unsupported"


class EmptyFile(ReadingError):
    """The file holds no row."""

    code = "datasets.empty"


class TooManyColumns(ReadingError):
    """The file has more columns than can be read."""

    code = "datasets.too_many_columns"


class ColumnsMissing(ReadingError):
    """A mapped column is missing in the file."""

    code = "datasets.columns_missing"


class TooManyCategories(ReadingError):
    """There are more distinct categories or labels than a version holds."""

    code = "datasets.too_many_categories"


class MappingInvalid(ReadingError):
    """The mapping is not valid."""

    code = "datasets.mapping_invalid"


class DialectInvalid(ReadingError):
    """The dialect is not valid."""

    code = "datasets.dialect_invalid"


class ZoneUnknown(ReadingError):
    """The time zone is not known."""

    code = "datasets.zone_unknown"
