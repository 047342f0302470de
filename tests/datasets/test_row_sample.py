"""The rows that are read twice come from all of a file, whatever the size of its blocks."""

import io
from datetime import UTC, datetime

import pytest

from apps.datasets.importing.sampling import SAMPLE_ROWS, RowSample
from apps.datasets.models import ImportFile
from apps.datasets.reading.inspection import inspect_table
from apps.datasets.reading.mapping import Mapping
from apps.datasets.reading.reader import read_table

ROWS = 6_000
MAPPING = Mapping.from_json(
    {
        "fields": {
            "timestamp": {"column": "time", "formats": ["iso"]},
            "latitude": {"column": "latitude"},
            "longitude": {"column": "longitude"},
            "category": {"constant": "event"},
        }
    }
)


@pytest.mark.parametrize("block_bytes", [4_096, 100_000, 8 << 20])
def test_a_sample_is_even(block_bytes: int) -> None:
    rows = "".join(f"2024-01-01,{row / 100:.2f},0.5\n" for row in range(ROWS))
    content = f"time,latitude,longitude\n{rows}".encode()
    found = inspect_table(io.BytesIO(content), len(content))
    sample = RowSample()

    for batch in read_table(
        io.BytesIO(content),
        file_no=1,
        mapping=MAPPING,
        dialect=found.dialect,
        header=found.header,
        zone="UTC",
        now=datetime(2026, 1, 1, tzinfo=UTC),
        block_bytes=block_bytes,
    ):
        sample.add(ImportFile(file_no=1), batch)

    records = sorted(sample.records())
    assert len(records) == len(set(records)) == SAMPLE_ROWS
    # A third of the sample from each third of the file, give or take seven standard deviations.
    thirds = [
        sum(lower < record <= lower + ROWS // 3 for record in records) for lower in range(0, ROWS, 2_000)
    ]
    assert len(thirds) == 3
    assert all(SAMPLE_ROWS / 3 - 105 < third < SAMPLE_ROWS / 3 + 105 for third in thirds)
