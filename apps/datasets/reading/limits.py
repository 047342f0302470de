"""The caps of reading, in one place, so that inspection, row path and fast path agree on them."""

from typing import Final

COLUMNS_MAX: Final = 1_024
RECORD_MAX_BYTES: Final = 4 * 1024 * 1024
FIELD_MAX_BYTES: Final = 65_536
RAW_MAX_BYTES: Final = 65_536
HEADER_LINES_MAX: Final = 20
SAMPLE_ROWS_PER_PART: Final = 1_000
PREVIEW_ROWS: Final = 50
BLOCK_BYTES: Final = 8 * 1024 * 1024

CATEGORY_MAX_CHARS: Final = 200
CATEGORIES_MAX: Final = 1_000
EXTERNAL_ID_MAX_CHARS: Final = 200
PROPERTIES_MAX: Final = 64
FORMATS_MAX: Final = 4
QUALITY_DUPLICATES_MAX_ROWS: Final = 1_000_000
