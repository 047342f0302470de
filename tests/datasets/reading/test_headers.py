"""The header of a long file is found in its first lines, and passed over as if all had been split."""

import pytest

from apps.datasets.reading.mapping import Dialect
from tests.datasets.reading.tables import read

ROWS = 3_000


@pytest.mark.parametrize("title_lines", [0, 2])
@pytest.mark.parametrize("breaks", [0, 1, 70_000])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_a_header_is_passed_over_whole_however_long_it_and_its_block_are(
    title_lines: int, breaks: int, end: bytes
) -> None:
    title = b"some title" + end
    header = b'time,lat,lon,kind,risk,id,"no' + end * breaks + b'te"' + end
    row = b"2024-01-02,51.5,-0.1,theft,1,a,x" + end
    table = title * title_lines + header + row * ROWS

    found = read(table, dialect=Dialect(header_line=title_lines + 1))

    assert (found.rows_read, found.rejects, found.position.byte_offset) == (ROWS, [], len(table))
    assert found.events.line[0] == title_lines + breaks + 2
    assert found.events.byte_offset[0] == len(table) - ROWS * len(row)
