"""Parquet parts: the rest of each row (external id, properties, file, line), in event-number order.

One part per committed chunk in the default file storage, zstd, row groups of 8,192 rows.
"""

import contextlib
import io
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from apps.datasets.models import Dataset
from apps.datasets.reading.rows import Events

ROW_GROUP_ROWS: Final = 8_192
# Ids and texts seldom repeat within a row group: a dictionary of them costs as much again as writing them and
# makes the part larger; zstd finds what does repeat. Numbers and lines ascend.
_ENCODED: Final[dict[str, Any]] = {
    "use_dictionary": ["file_no"],
    "column_encoding": dict.fromkeys(("event_no", "line"), "DELTA_BINARY_PACKED"),
    "write_statistics": ["event_no"],
}
_FIELDS: Final[list[tuple[str, pa.DataType]]] = [
    ("event_no", pa.int32()),
    ("external_id", pa.string()),
    ("properties", pa.string()),
    ("file_no", pa.int32()),
    ("line", pa.int64()),
]
SCHEMA: Final = pa.schema(_FIELDS)


def files_prefix(dataset: Dataset, segment_no: int) -> str:
    """Return the folder of a segment's parts."""
    return f"datasets/{dataset.organization_id}/{dataset.no}/{segment_no}"


def part_name(prefix: str, number: int) -> str:
    """Return the name of one part."""
    return f"{prefix}/part-{number}.parquet"


def write_part(prefix: str, number: int, events: Events, first_no: int) -> int:
    """Write (on repeat: overwrite) one part; returns its size in bytes."""
    table = pa.table(
        [
            pa.array(np.arange(first_no, first_no + len(events), dtype=np.int32)),
            events.external_id,
            events.properties,
            pa.array(events.file_no),
            # A file without lines has none to show.
            pa.array(events.line, mask=events.line_end == 0),
        ],
        schema=SCHEMA,
    )
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", row_group_size=ROW_GROUP_ROWS, **_ENCODED)
    content = buffer.getvalue()
    name = part_name(prefix, number)
    # Storages keep an old file and choose another name; a repeated chunk must take its own place.
    default_storage.delete(name)
    default_storage.save(name, ContentFile(content))
    return len(content)


def part_numbers(prefix: str) -> list[int]:
    """Return the numbers of the parts that are there, in order."""
    try:
        _, names = default_storage.listdir(prefix)
    except FileNotFoundError:
        return []
    numbers = [name.removeprefix("part-").removesuffix(".parquet") for name in names]
    return sorted(int(number) for number in numbers if number.isdecimal())


def read_parts(prefix: str, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """Yield the parts of a segment in event-number order."""
    for number in part_numbers(prefix):
        with default_storage.open(part_name(prefix, number)) as stream:
            yield pq.read_table(stream, columns=columns)


def delete_parts(prefix: str) -> None:
    """Remove the parts of a segment and the folders that are empty without them; absent ones are fine."""
    for number in part_numbers(prefix):
        default_storage.delete(part_name(prefix, number))
    # Folders of the local storage: segment, dataset, organization. Other storages know none and ignore it.
    for folder in (prefix, *map(str, PurePosixPath(prefix).parents[:2])):
        with contextlib.suppress(OSError):
            default_storage.delete(folder)
