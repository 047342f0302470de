"""Reading of small tables in tests: bytes in, one batch out."""

import io
from collections import Counter
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

import numpy as np

from apps.datasets.reading.mapping import Dialect, Mapping
from apps.datasets.reading.reader import read_table
from apps.datasets.reading.rows import Batch, Events, Position, Reject

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HEADER = ("time", "lat", "lon", "kind", "risk", "id", "note")


def mapping(timestamp: dict[str, Any] | None = None, **options: Any) -> Mapping:
    """Return a mapping of the columns of HEADER."""
    return Mapping.from_json(
        {
            "fields": {
                "timestamp": timestamp or {"column": "time", "formats": ["iso", "%d/%m/%Y"]},
                "latitude": {"column": "lat"},
                "longitude": {"column": "lon"},
                "category": {"column": "kind"},
                "value": {"column": "risk"},
                "external_id": {"column": "id"},
            },
            **options,
        }
    )


@dataclass
class Read:
    """A whole file read."""

    events: Events
    rejects: list[Reject]
    rows_read: int
    blank_lines: int
    bytes_read: int
    position: Position
    warnings: Counter[str]
    notes: Counter[str]

    @property
    def codes(self) -> list[str]:
        """Return the codes of the rejects in order."""
        return [reject.code.value for reject in self.rejects]


def join(batches: list[Batch]) -> Read:
    """Put batches together."""
    return Read(
        events=Events.concat([batch.events for batch in batches]),
        rejects=[reject for batch in batches for reject in batch.rejects],
        rows_read=sum(batch.rows_read for batch in batches),
        blank_lines=sum(batch.blank_lines for batch in batches),
        bytes_read=sum(batch.bytes_read for batch in batches),
        position=batches[-1].position,
        warnings=sum((batch.warnings for batch in batches), Counter()),
        notes=sum((batch.notes for batch in batches), Counter()),
    )


def read(table: bytes, **options: Any) -> Read:
    """Read a table under the mapping of HEADER unless told otherwise."""
    return join(read_batches(table, **options))


def read_batches(table: bytes, **options: Any) -> list[Batch]:
    """Read a table block by block."""
    settings: dict[str, Any] = {
        "file_no": 1,
        "mapping": mapping(),
        "dialect": Dialect(),
        "header": HEADER,
        "zone": "Europe/London",
        "now": NOW,
    }
    return list(read_table(io.BytesIO(table), **(settings | options)))


def columns(events: Events) -> dict[str, list[Any]]:
    """Return the columns as lists; values as their bits, so that missing ones are equal."""
    lists = {}
    for field in fields(Events):
        column = getattr(events, field.name)
        if isinstance(column, np.ndarray):
            lists[field.name] = (column.view(np.int64) if column.dtype == np.float64 else column).tolist()
        else:
            lists[field.name] = column.to_pylist()
    return lists
