"""Files that say themselves what they hold: framing, texts, broken rows, hostile input."""

import io
import json
import struct
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from apps.datasets.reading.errors import CrsUnsupported, Damaged, EmptyFile, NotATable, TooManyColumns
from apps.datasets.reading.formats import Format
from apps.datasets.reading.inspection import inspect_table
from apps.datasets.reading.inspections import Inspection
from apps.datasets.reading.limits import RECORD_MAX_BYTES
from apps.datasets.reading.mapping import Mapping
from apps.datasets.reading.reader import read_table
from apps.datasets.reading.rows import Batch, RowCode
from apps.datasets.reading.suggestion import suggest_mapping

MAPPING = Mapping.from_json(
    {
        "fields": {
            "timestamp": {"column": "t"},
            "latitude": {"column": "lat"},
            "longitude": {"column": "lon"},
            "category": {"constant": "event"},
        }
    }
)


def row(**members: Any) -> dict[str, Any]:
    return {"t": "2024-01-02T10:00:00Z", "lat": 51.5, "lon": -0.1, **members}


class Trickle(io.BytesIO):
    """A stream of few bytes at a time, which cuts every token somewhere."""

    def __init__(self, content: bytes, size: int) -> None:
        super().__init__(content)
        self._size = size

    def seekable(self) -> bool:
        return False

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(self._size if size is None or size < 0 else min(size, self._size))


def inspect(content: bytes) -> Inspection:
    return inspect_table(io.BytesIO(content), len(content))


def read(content: bytes, mapping: Mapping = MAPPING, piece: int = 0, **given: Any) -> list[Batch]:
    found = inspect(content)
    return list(
        read_table(
            Trickle(content, piece) if piece else io.BytesIO(content),
            file_no=1,
            mapping=mapping,
            dialect=found.dialect,
            header=found.header,
            zone="UTC",
            now=datetime(2026, 1, 1, tzinfo=UTC),
            **given,
        )
    )


def codes(batches: list[Batch]) -> list[tuple[RowCode, int, int | None]]:
    return [(reject.code, reject.record, reject.line) for batch in batches for reject in batch.rejects]


def accepted(batches: list[Batch]) -> list[int]:
    return [number for batch in batches for number in batch.events.record.tolist()]


@pytest.mark.parametrize("piece", [1, 3, 7, 1000])
def test_however_a_document_is_cut_its_rows_are_the_same(piece: int) -> None:
    rows = [row(note='a "quoted" [brace} \\ ä', tags=[1, {"x": "]"}]), row(deep={"a": {"b": 1.50}}), row()]
    content = json.dumps({"bbox": [1, 2], "rows": rows, "end": {"a": "}"}}, indent=1).encode()

    batches = read(content, piece=piece, block_bytes=64)

    assert accepted(batches) == [1, 2, 3]
    first = batches[0].events.properties[0].as_py()
    assert json.loads(first) == {"note": 'a "quoted" [brace} \\ ä', "tags": '[1,{"x":"]"}]'}
    assert [json.loads(batch.raw(0)) for batch in batches if len(batch.events)] == rows


def test_numbers_keep_their_digits_and_nested_members_are_columns() -> None:
    content = (
        b'[{"t":"2024-01-02","lat":51.5,"lon":-0.1,"a":{"b":1.50,"c":{"d":true}},"n":123456789012345678901}]'
    )

    (properties,) = read(content)[0].events.properties.to_pylist()

    assert json.loads(properties or "") == {"a.b": "1.50", "a.c.d": "true", "n": "123456789012345678901"}


def test_a_broken_line_costs_one_row_and_names_its_line() -> None:
    good = json.dumps(row()).encode()
    lines = [good, b"", b'{"t": ', good, b"[1]", b'{"t":"\xff\xfe"}', good]

    batches = read(b"\r\n".join(lines))

    assert accepted(batches) == [1, 3, 6]
    broken, wrong, bad = RowCode.BAD_QUOTE, RowCode.BAD_QUOTE, RowCode.BAD_ENCODING
    assert codes(batches) == [(broken, 2, 3), (wrong, 4, 5), (bad, 5, 6)]
    assert sum(batch.blank_lines for batch in batches) == 1


def test_a_broken_element_costs_one_row() -> None:
    good = json.dumps(row())
    batches = read(f'[{good}, {{"t": oops}}, 5, {good}, {{}}]'.encode())

    assert accepted(batches) == [1, 4]
    assert codes(batches) == [
        (RowCode.BAD_QUOTE, 2, None),
        (RowCode.BAD_QUOTE, 3, None),
        (RowCode.ROW_BLANK, 5, None),
    ]


@pytest.mark.parametrize(
    "nested", [b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 50_000 + b"1" + b"}" * 50_000]
)
def test_deep_nesting_costs_one_row(nested: bytes) -> None:
    good = json.dumps(row()).encode()

    batches = read(b"[" + good + b',{"x":' + nested + b"}," + good + b"]")

    assert (accepted(batches), codes(batches)) == ([1, 3], [(RowCode.BAD_QUOTE, 2, None)])


def test_an_element_beyond_the_cap_costs_one_row_and_is_not_kept() -> None:
    good = json.dumps(row()).encode()
    long = b'{"x":"' + b'\\"]}' * (RECORD_MAX_BYTES // 2) + b'"}'

    batches = read(b"[" + good + b"," + long + b"," + good + b"]", piece=65_537)

    assert (accepted(batches), codes(batches)) == ([1, 3], [(RowCode.FIELD_TOO_LONG, 2, None)])
    (reject,) = [reject for batch in batches for reject in batch.rejects]
    assert (len(reject.raw), reject.raw_truncated) == (65_536, True)


def test_nul_and_halves_of_surrogates_do_no_harm() -> None:
    lines = [row(note="a\0b"), row(note="\ud800"), row(**{"k\0": "v"})]

    batches = read("\n".join(map(json.dumps, lines)).encode())

    assert codes(batches) == [(RowCode.NUL_BYTE, 1, 1)]
    assert batches[0].events.properties.to_pylist() == ['{"note":"\ufffd"}', '{"k\ufffd":"v"}']


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"[]", EmptyFile),
        (b'{"type": "FeatureCollection", "features": []}', EmptyFile),
        (b'{"type": "FeatureCollection"}', NotATable),
        (b'{"a": [{}],\n "b": [{}]}', NotATable),
        (b"[{},[]]", NotATable),
        (b'[{"a": 1}', Damaged),
        (b'[{"a": 1', Damaged),
        (b'[{"a": 1}] x', Damaged),
        (b'{"rows"\n [{"a": 1}]}', Damaged),
        (b"PAR1" + b"\0" * 100, Damaged),
        (json.dumps([{f"c{number}": 1 for number in range(1_025)}]).encode(), TooManyColumns),
    ],
)
def test_what_cannot_be_read_is_refused(content: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        inspect(content)


@pytest.mark.parametrize(
    ("crs", "is_read"),
    [
        (None, True),
        ({"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}, True),
        ({"type": "name", "properties": {"name": "EPSG:4326"}}, True),
        ({"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4326"}}, True),
        ({"type": "name", "properties": {"name": "EPSG:25832"}}, False),
        ({"type": "link", "properties": {"href": "http://example.org"}}, False),
    ],
)
def test_the_reference_system_decides_also_after_the_features(crs: Any, is_read: bool) -> None:
    feature = {"type": "Feature", "properties": row(), "geometry": None}
    content = json.dumps({"type": "FeatureCollection", "features": [feature], "crs": crs}).encode()

    if is_read:
        assert inspect(content).dialect.format is Format.GEOJSON
    else:
        with pytest.raises(CrsUnsupported):
            inspect(content)


def test_a_feature_collection_may_hold_other_arrays_beside_its_features() -> None:
    rows = [{"type": "Feature", "properties": row(), "geometry": None}]
    beside = {"links": [{"rel": "self"}, {"rel": "next"}], "numbers": [1]}
    before = {"type": "FeatureCollection", **beside, "features": rows}
    after = {"type": "FeatureCollection", "features": rows, **beside}

    for document in (before, after):
        content = json.dumps(document).encode()
        assert inspect(content).dialect.format is Format.GEOJSON
        assert accepted(read(content)) == [1]


def test_names_that_properties_and_features_share_are_told_apart() -> None:
    geometry = {"type": "Point", "coordinates": [-0.1, 51.5]}
    feature = {"type": "Feature", "id": 7, "properties": {"geometry": "round", "id": 8}, "geometry": geometry}

    found = inspect(json.dumps(feature).encode())

    assert found.dialect.format is Format.GEOJSON_SEQ
    assert dict(zip(found.header, found.preview[0], strict=True)) == {
        "geometry": '{"type":"Point","coordinates":[-0.1,51.5]}',
        "id": "8",
        "properties.geometry": "round",
        "feature_id": "7",
    }


def parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def test_parquet_types_become_the_texts_that_people_write() -> None:
    table = pa.table(
        {
            "t": pa.array([datetime(2024, 1, 2, 10, 0, 0, 500_000, tzinfo=UTC), None]),
            "day": pa.array([datetime(2024, 1, 2, tzinfo=UTC).date(), None]),
            "flag": [True, None],
            "n": pa.array([0.1, None], pa.float32()),
            "kind": pa.array(["a", None]).dictionary_encode(),
            "list": [[1, 2], None],
            "raw": [b"\x01\xff", None],
            "box": [{"w": 1, "h": {"d": "x"}}, None],
            "point": [{"x": -0.1, "y": 51.5}, None],
        }
    )

    found = inspect(parquet(table))

    assert dict(zip(found.header, found.preview[0], strict=True)) == {
        "t": "2024-01-02 10:00:00.500000Z", "day": "2024-01-02", "flag": "true", "n": "0.1", "kind": "a",
        "list": "[1, 2]", "raw": "01ff", "box.w": "1", "box.h.d": "x", "point": "POINT(-0.1 51.5)",
    }  # fmt: skip
    assert set(found.preview[1]) == {""}


def test_geometry_of_geoparquet_is_taken_with_auto_and_rejects_are_json() -> None:
    times = [datetime(2024, 1, 1 + number, tzinfo=UTC) for number in range(20)]
    points = [struct.pack("<BIdd", 1, 1, -0.1 - number / 100, 51.5) for number in range(19)] + [b"\1\2"]
    content = parquet(pa.table({"when": times, "geometry": points}))
    mapping = suggest_mapping([inspect(content)]).mapping
    assert mapping is not None

    batches = read(content, mapping, piece=999)

    assert len(accepted(batches)) == 19
    (reject,) = batches[0].rejects
    assert (reject.code, reject.line, reject.byte_offset) == (RowCode.GEOMETRY_INVALID, None, None)
    assert json.loads(reject.raw) == {"when": "2024-01-20 00:00:00.000000Z", "geometry": "0102"}


def test_texts_of_parquet_that_are_no_utf_8_cost_their_row() -> None:
    texts = pa.Array.from_buffers(pa.string(), 2, pa.array([b"ok", b"\xff"], pa.binary()).buffers())
    table = pa.table({name: [value] * 2 for name, value in row().items()} | {"note": texts})

    batches = read(parquet(table))

    assert (accepted(batches), codes(batches)) == ([1], [(RowCode.BAD_ENCODING, 2, None)])


def test_reading_goes_on_where_it_stopped() -> None:
    content = json.dumps([row(n=number) for number in range(50)]).encode()
    batches = read(content, block_bytes=300)

    rest = read(content, block_bytes=300, start=batches[3].position)

    assert accepted(rest) == accepted(batches[4:])
    assert rest[-1].position == batches[-1].position
