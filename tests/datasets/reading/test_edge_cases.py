"""The edge cases of places.md section 11 that concern reading; the numbers in the names are theirs."""

import codecs
import io
import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from apps.datasets.reading.errors import (
    ColumnsMissing,
    EmptyFile,
    MappingInvalid,
    NotATable,
    TooManyCategories,
    TooManyColumns,
)
from apps.datasets.reading.inspection import inspect_table
from apps.datasets.reading.inspections import Inspection
from apps.datasets.reading.limits import FIELD_MAX_BYTES, RAW_MAX_BYTES, RECORD_MAX_BYTES
from apps.datasets.reading.mapping import Dialect, DialectChoice, Mapping
from apps.datasets.reading.reader import read_table
from apps.datasets.reading.suggestion import suggest_mapping
from tests.datasets.reading.tables import HEADER, NOW, Read, columns, join, mapping, read

HEAD = ",".join(HEADER) + "\n"
GOOD = "2023-05-01,51.5,-0.1,a,,,\n"
BOTH = [True, False]


def table(*rows: str) -> bytes:
    return (HEAD + "".join(row + "\n" for row in rows)).encode()


def point(lat: str, lon: str) -> str:
    return f"2023-05-01,{lat},{lon},a,,,"


def inspect(content: bytes, **choice: Any) -> Inspection:
    return inspect_table(io.BytesIO(content), len(content), DialectChoice(**choice))


def both_ways(content: bytes, **options: Any) -> Read:
    """Read on both paths; they must agree."""
    found, expected = read(content, **options), read(content, fast_path=False, block_bytes=64, **options)
    assert columns(found.events) == columns(expected.events)
    assert found.rejects == expected.rejects
    assert found.rows_read == len(found.events) + len(found.rejects)
    return found


class Generated:
    """A stream made as it is read, so that big files need no memory."""

    def __init__(self, *parts: tuple[bytes, int]) -> None:
        self._parts: Iterator[bytes] = (part for part, times in parts for _ in range(times))
        self._left = b""

    def read(self, size: int = -1, /) -> bytes:
        while len(self._left) < size and (part := next(self._parts, b"")):
            self._left += part
        found, self._left = self._left[:size], self._left[size:]
        return found


def read_generated(*parts: tuple[bytes, int]) -> tuple[Read, int]:
    """Read a generated file; also return the peak of memory that Python took."""
    tracemalloc.start()
    batches = list(
        read_table(
            Generated(*parts),
            file_no=1,
            mapping=mapping(),
            dialect=Dialect(),
            header=HEADER,
            zone="UTC",
            now=NOW,
        )
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return join(batches), peak


@pytest.mark.parametrize(
    ("lat", "lon", "code"),
    [
        ("91", "0.5", "coordinate_out_of_range"),
        ("51", "540", "coordinate_out_of_range"),
        ("NaN", "0.5", "coordinate_missing"),
        ("nan(1)", "0.5", "coordinate_invalid"),
        ("51", "inf", "coordinate_invalid"),
        ("-Infinity", "0.5", "coordinate_invalid"),
        ("90.00000001", "0.5", "coordinate_out_of_range"),
        ("90.0000000000000000001", "0.5", "coordinate_out_of_range"),
        ("51", "-180.00000004", "coordinate_out_of_range"),
        ("1e400", "0.5", "coordinate_out_of_range"),
    ],
)
def test_01_points_off_the_globe_are_rejected(lat: str, lon: str, code: str) -> None:
    assert both_ways(table(point(lat, lon))).codes == [code]


@pytest.mark.parametrize(
    ("lat", "lon"),
    [("-0.0", "1"), ("90", "0"), ("-90", "180"), ("0", "-180"), ("1", "-0.0"), ("9e1", "1.8E2")],
)
def test_01_the_borders_of_the_globe_are_accepted(lat: str, lon: str) -> None:
    events = both_ways(table(point(lat, lon))).events
    assert (events.lat_e7[0], events.lon_e7[0]) == (round(float(lat) * 1e7), round(float(lon) * 1e7))


def test_01_a_tie_is_rounded_half_to_even_on_its_decimal_digits() -> None:
    texts = [
        "0.00000005",
        "0.00000015",
        "0.00000025",
        "51.12345675",
        "51.123456750000000000000000001",
        "51.12345665",
    ]
    events = both_ways(table(*(point(text, "1") for text in texts))).events
    assert events.lat_e7.tolist() == [0, 2, 2, 511_234_568, 511_234_568, 511_234_566]


def test_01_wrapped_longitudes_come_round() -> None:
    wrapped = mapping(wrap_longitude=True)
    events = both_ways(
        table(point("1", "359.5"), point("1", "180"), point("1", "360")), mapping=wrapped
    ).events
    assert events.lon_e7.tolist() == [-5_000_000, 1_800_000_000, 0]
    assert (
        both_ways(table(point("1", "360.1"), point("1", "-180.1")), mapping=wrapped).codes
        == ["coordinate_out_of_range"] * 2
    )


def test_02_a_whole_column_of_decimal_commas_is_read_by_auto() -> None:
    content = ("zeit;breite;länge\n" + "2023-05-01;51,5;-0,125\n" * 30).encode()
    found = inspect(content)
    assert (found.dialect.delimiter, found.dialect.decimal) == (";", ",")
    suggestion = suggest_mapping([found])
    assert suggestion.is_decided
    result = both_ways(content, mapping=suggestion.mapping, dialect=found.dialect, header=found.header)
    assert set(result.events.lon_e7.tolist()) == {-1_250_000}


def test_02_the_minority_of_mixed_decimals_is_rejected() -> None:
    rows = ["2023-05-01;51,5;-0,1;a;;;"] * 3 + ["2023-05-01;51.5;-0,1;a;;;"]
    content = (HEAD.replace(",", ";") + "\n".join(rows)).encode()
    result = both_ways(content, dialect=Dialect(delimiter=";", decimal=","))
    assert (len(result.events), result.codes) == (3, ["coordinate_invalid"])


def test_02_a_typographic_minus_is_a_minus() -> None:
    assert both_ways(table(point("\u221251.5", "\u22120.1"))).events.lat_e7.tolist() == [-515_000_000]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_03_a_byte_order_mark_decides_the_encoding(encoding: str) -> None:
    content = table("2023-05-01,51.5,-0.1,Köln,,,").decode().encode(encoding)
    found = inspect(content)
    assert found.encoding.is_decided
    assert found.header == HEADER
    result = both_ways(content, dialect=found.dialect)
    assert result.events.category.to_pylist() == ["Köln"]
    assert result.bytes_read == len(content)


def test_03_utf_16_big_endian_is_read() -> None:
    content = codecs.BOM_UTF16_BE + table("2023-05-01,51.5,-0.1,Köln,,,").decode().encode("utf-16-be")
    assert both_ways(content, dialect=inspect(content).dialect).events.category.to_pylist() == ["Köln"]


def test_03_cp1252_waits_with_a_suggestion_and_its_evidence() -> None:
    content = (
        table(*(f"2023-05-01,51.5,-0.1,{name},,," for name in ("Köln", "Mönchengladbach", "Café", "Größe")))
        .decode()
        .encode("cp1252")
    )
    found = inspect(content)
    assert (found.encoding.name, found.encoding.is_decided) == ("cp1252", False)
    assert found.encoding.evidence["invalid_bytes"] == 5
    assert content[found.encoding.evidence["first_offset"]] == 0xF6
    assert "Köln" in found.encoding.evidence["excerpt"]
    assert "encoding_undecided" in suggest_mapping([found]).reasons
    chosen = inspect(content, encoding="cp1252")
    assert chosen.encoding.is_decided
    assert both_ways(content, dialect=chosen.dialect).events.category.to_pylist()[0] == "Köln"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("naïve café, Straße", "cp1252"),
        ("Agresión en la vía pública, año", "cp1252"),
        ("Stöld, våld, skadegörelse", "cp1252"),
        ("Krádež, vloupání, příliš žluťoučký kůň", "cp1250"),
        ("Кража со взломом, угон автомобиля", "cp1251"),  # noqa: RUF001
    ],
)
def test_03_the_suggested_encoding_reads_as_the_language_is_written(text: str, encoding: str) -> None:
    content = table(*[f'2023-05-01,51.5,-0.1,"{text}",,,'] * 20).decode().encode(encoding)
    found = inspect(content)
    assert text in content.decode(found.encoding.name)


@pytest.mark.parametrize("fast_path", BOTH)
def test_03_destroyed_bytes_in_declared_utf_8_cost_their_rows(fast_path: bool) -> None:
    content = table(GOOD.strip(), "2023-05-01,51.5,-0.1,é,,,", "2023-05-01,51.5,-0.1,b,,,").replace(
        "é".encode(), b"\xc3\xff"
    )
    result = read(content, fast_path=fast_path)
    assert (len(result.events), result.codes) == (2, ["bad_encoding"])
    assert result.rejects[0].raw == content.splitlines(keepends=True)[2]


def test_03_mostly_valid_utf_8_is_suggested_as_such() -> None:
    content = table(*["2023-05-01,51.5,-0.1,Größe,,,"] * 30).replace("ö".encode(), b"\xf6", 1)
    found = inspect(content)
    assert (found.encoding.name, found.encoding.is_decided) == ("utf-8", False)


def test_04_a_nul_byte_costs_its_row() -> None:
    assert both_ways(table(GOOD.strip(), "2023-05-01,51.5,-0.1,a\0,,,")).codes == ["nul_byte"]


def test_04_a_lone_quote_costs_its_row_alone() -> None:
    result = both_ways(table(GOOD.strip(), '2023-05-01,51.5,-0.1,"a,,,', GOOD.strip(), GOOD.strip()))
    assert (len(result.events), result.codes) == (3, ["bad_quote"])
    assert (result.rejects[0].line, result.rejects[0].line_end) == (3, 3)
    assert result.events.line.tolist() == [2, 4, 5]


def test_04_a_quote_inside_a_field_is_a_character() -> None:
    assert both_ways(table('2023-05-01,51.5,-0.1,5" pipe,,,')).events.category.to_pylist() == ['5" pipe']


def test_04_text_after_a_closing_quote_is_a_bad_quote() -> None:
    assert both_ways(table('2023-05-01,51.5,-0.1,"a"b,,,', GOOD.strip())).codes == ["bad_quote"]


def test_04_line_breaks_in_quotes_keep_physical_lines_right() -> None:
    result = both_ways(
        table('2023-05-01,51.5,-0.1,a,,,"one\ntwo\r\nthree"', "2023-05-01,91,0,a,,,", GOOD.strip())
    )
    assert (result.events.line.tolist(), result.events.line_end.tolist()) == ([2, 6], [4, 6])
    assert result.events.record.tolist() == [1, 3]
    assert result.rejects[0].line == 5
    assert json.loads(str(result.events.properties[0])) == {"note": "one\ntwo\r\nthree"}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_04_every_line_end_is_one(end: str) -> None:
    result = both_ways(
        table(GOOD.strip(), "", "2023-05-01,91,0,a,,,", GOOD.strip()).replace(b"\n", end.encode())
    )
    assert (result.events.line.tolist(), result.rejects[0].line, result.blank_lines) == ([2, 5], 4, 1)
    assert result.rejects[0].raw.endswith(end.encode())


def test_04_line_ends_may_be_mixed() -> None:
    content = (
        HEAD.encode()
        + b"\r\n".join([GOOD.strip().encode()] * 2)
        + b"\r"
        + GOOD.encode()
        + b"\n\r\n\r"
        + GOOD.strip().encode()
    )
    result = both_ways(content)
    assert (result.events.line.tolist(), result.blank_lines) == ([2, 3, 4, 8], 3)


@pytest.mark.parametrize("block_bytes", [1, 16, 64, 70, 4_096])
def test_05_a_quoted_line_break_across_a_block_border_is_as_in_one_block(block_bytes: int) -> None:
    content = table(
        '2023-05-01,51.5,-0.1,a,,,"' + "line\r\n" * 40 + '"', GOOD.strip(), '2023-05-01,51.5,-0.1,b,,,"\n"'
    )
    small, whole = read(content, block_bytes=block_bytes), read(content)
    assert columns(small.events) == columns(whole.events)
    assert whole.events.line.tolist() == [2, 43, 44]


@pytest.mark.parametrize(
    ("content", "header", "line"),
    [
        ("Report of May\n\ntime,lat,lon\n2023,1.5,2.5\n2023,1.5,2.5\n", ("time", "lat", "lon"), 3),
        ("2023,1.5,2.5\n2023,1.5,2.5\n", ("column_1", "column_2", "column_3"), 0),
        ("time,lat,lat,lat\n2023,1.5,2.5,3.5\n", ("time", "lat", "lat_2", "lat_3"), 1),
        ("time,lat,,lon,\n2023,1.5,2.5,3.5,x\n", ("time", "lat", "column_3", "lon", "column_5"), 1),
        (":@region,:id,lat\n5,row-1,1.5\n", (":@region", ":id", "lat"), 1),
        ("a,a_2,a\n2023,1.5,2.5\n", ("a", "a_2", "a_3"), 1),
        ("\n\n\nSource: us\ntime|lat|lon\n2023|1.5|2.5\n", ("time", "lat", "lon"), 5),
        ('time,"lat\n(deg)",lon\n2023,1.5,2.5\n', ("time", "lat\n(deg)", "lon"), 1),
    ],
)
def test_06_headers_are_found_and_named(content: str, header: tuple[str, ...], line: int) -> None:
    found = inspect(content.encode())
    assert (found.header, found.dialect.header_line) == (header, line)


def test_06_rows_are_read_after_a_header_on_line_three() -> None:
    content = b"Report of May\n\n" + table(GOOD.strip(), "2023-05-01,91,0,a,,,")
    result = both_ways(content, dialect=inspect(content).dialect)
    assert (result.events.line.tolist(), result.rejects[0].line, result.rejects[0].record) == ([4], 5, 2)
    assert result.bytes_read == len(content)


def test_06_rows_are_read_without_a_header() -> None:
    content = (GOOD * 3).encode()
    result = both_ways(content, dialect=Dialect(header_line=0))
    assert (result.events.line.tolist(), result.events.record.tolist()) == ([1, 2, 3], [1, 2, 3])


def test_06_a_trailing_totals_row_is_rejected() -> None:
    assert both_ways(table(GOOD.strip(), "Total,,,1,,,")).codes == ["timestamp_invalid"]
    assert both_ways(table(GOOD.strip(), "Total: 1")).codes == ["too_few_fields"]


def test_06_1025_columns_are_refused_and_1024_are_not() -> None:
    def wide(count: int) -> bytes:
        return ",".join(f"c{n}" for n in range(count)).encode() + b"\n" + b",".join([b"1"] * count) + b"\n"

    with pytest.raises(TooManyColumns):
        inspect(wide(1_025))
    assert len(inspect(wide(1_024)).header) == 1_024


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"PK\x03\x04\x14\0\x06\0[Content_Types].xmlxl/workbook.xml", "Excel"),
        (b"PK\x03\x04anything", "zip"),
        (b"\xef\xbb\xbf\n <!DOCTYPE html><html>", "HTML"),
        (b"<HTML><body>time,lat,lon", "HTML"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (b"\x1f\x8b\x08\0", "gzip"),
        (b'{"type": "FeatureCollection"}', "JSON"),
        (bytes(range(256)) * 4, "binary"),
    ],
)
def test_07_what_is_no_table_is_named(start: bytes, kind: str) -> None:
    with pytest.raises(NotATable, match=kind):
        inspect(start)


@pytest.mark.parametrize("content", [b"", b"\n\r\n", b"\xef\xbb\xbf", codecs.BOM_UTF16_LE, b"   \n"])
def test_07_an_empty_file_is_empty(content: bytes) -> None:
    with pytest.raises(EmptyFile):
        inspect(content)


def test_07_a_header_alone_has_no_rows_and_reads_as_nothing() -> None:
    found = inspect(HEAD.encode())
    assert (found.header, found.has_rows) == (HEADER, False)
    for content in (HEAD.encode(), HEAD.strip().encode()):
        result = both_ways(content)
        assert (result.rows_read, result.bytes_read) == (0, len(content))


def test_08_24_o_clock_second_60_and_the_29th_of_february_2023_are_invalid() -> None:
    rows = ["2023-05-01T24:00:00", "2023-05-01T10:00:60", "2023-02-29", "29/02/2023", "2023-02-28"]
    result = both_ways(table(*(f"{time},51.5,-0.1,a,,," for time in rows)))
    assert result.codes == ["timestamp_invalid"] * 4


def test_10_rows_without_anything_but_delimiters_are_blank() -> None:
    result = both_ways(table(",,,,,,", " , ,,,,,", "", GOOD.strip()))
    assert (result.codes, result.blank_lines, result.rows_read) == (["row_blank"] * 2, 1, 3)


def test_10_empty_trailing_fields_are_fine_and_full_ones_are_not() -> None:
    result = both_ways(table(GOOD.strip() + ",,", GOOD.strip() + ",,x", "2023-05-01,51.5"))
    assert (len(result.events), result.codes) == (1, ["too_many_fields", "too_few_fields"])


def test_12_null_island_and_listed_sentinels_are_rejected() -> None:
    rows = [
        point("0", "0"),
        point("-0.00000001", "0.0"),
        point("36.619446395", "-91.686565684"),
        point("36.6", "-91.6"),
    ]
    listed = mapping(sentinels=[[36.619446395, -91.686565684]])
    result = both_ways(table(*rows), mapping=listed)
    assert (result.codes, len(result.events)) == (["coordinate_sentinel"] * 3, 1)
    assert (result.notes["null_island"] + result.notes["sentinels"]) == 3
    assert len(both_ways(table(*rows), mapping=mapping(null_island="keep")).events) == 4


@pytest.mark.parametrize("rule", ["keep", "reject"])
def test_12_points_outside_the_area_are_kept_and_counted_or_rejected(rule: str) -> None:
    rows = [point("51.5", "-0.1"), point("51.5", "3"), point("51", "0")]
    result = both_ways(table(*rows), mapping=mapping(outside_area=rule), area=(-1.0, 51.0, 1.0, 52.0))
    assert (len(result.events), result.warnings["outside_area"]) == ((3, 1) if rule == "keep" else (2, 0))
    assert result.codes == ([] if rule == "keep" else ["outside_area"])


def test_12_an_area_may_cross_the_antimeridian() -> None:
    rows = [point("0", "179"), point("0", "-179"), point("0", "1")]
    result = both_ways(
        table(*rows), mapping=mapping(outside_area="reject"), area=(170.0, -10.0, -170.0, 10.0)
    )
    assert (len(result.events), result.rejects[0].line) == (2, 4)


@pytest.mark.parametrize(
    "kind",
    ["constructor", "<b>", "\U0001f600", "\u202e\u05d0\u05d1", "x" * 200, "__proto__", "'; DROP TABLE"],
)
def test_22_odd_categories_are_plain_text(kind: str) -> None:
    assert both_ways(table(f"2023-05-01,51.5,-0.1,{kind},,,")).events.category.to_pylist() == [kind]


def test_22_201_characters_are_too_long_after_trimming_and_composing() -> None:
    rows = [f"2023-05-01,51.5,-0.1,{kind},,," for kind in ("x" * 201, f" {'x' * 200} ", "e\u0301" * 200, "")]
    result = both_ways(table(*rows))
    assert result.codes == ["category_too_long"]
    assert result.events.category.to_pylist() == ["x" * 200, "\u00e9" * 200, "unknown"]
    assert both_ways(table(f"2023-05-01,51.5,-0.1,a,,{'i' * 201},")).codes == ["external_id_too_long"]


@pytest.mark.parametrize("fast_path", BOTH)
def test_23_the_1001st_category_stops_reading(fast_path: bool) -> None:
    rows = [f"2023-05-01,51.5,-0.1,kind {number},,," for number in range(1_001)]
    assert len(read(table(*rows[:1_000]), fast_path=fast_path).events) == 1_000
    with pytest.raises(TooManyCategories):
        read(table(*rows), fast_path=fast_path)
    with pytest.raises(TooManyCategories):
        read(table(*rows), fast_path=fast_path, block_bytes=4_096)


@pytest.mark.parametrize("opening", [b"2023-05-01,51.5,-0.1,a,,,", b'2023-05-01,51.5,-0.1,a,,,"'])
def test_24_a_field_of_100_mb_is_one_reject_in_flat_memory(opening: bytes) -> None:
    result, peak = read_generated(
        (HEAD.encode(), 1), (opening, 1), (b"x" * 1_000_000, 100), (b"\n", 1), (GOOD.encode(), 3)
    )
    assert (result.codes, result.events.line.tolist()) == (["field_too_long"], [3, 4, 5])
    reject = result.rejects[0]
    assert (reject.line, reject.line_end, reject.raw_truncated, len(reject.raw)) == (
        2,
        2,
        True,
        RAW_MAX_BYTES,
    )
    assert result.bytes_read == len(HEAD) + len(opening) + 100_000_001 + 3 * len(GOOD)
    assert peak < 100_000_000


def test_24_a_field_over_its_limit_is_named() -> None:
    within = both_ways(table(f"2023-05-01,51.5,-0.1,a,,,{'n' * FIELD_MAX_BYTES}"))
    assert len(within.events) == 1
    beyond = both_ways(table(f"2023-05-01,51.5,-0.1,a,,,{'n' * FIELD_MAX_BYTES}n", GOOD.strip()))
    assert [(r.code, r.column, r.line) for r in beyond.rejects] == [("field_too_long", "note", 2)]
    many_lines = "n\n" * FIELD_MAX_BYTES
    lines = both_ways(table(f'2023-05-01,51.5,-0.1,a,,,"{many_lines}"', GOOD.strip()))
    assert [(r.code, r.line, r.line_end) for r in lines.rejects] == [
        ("field_too_long", 2, FIELD_MAX_BYTES + 2)
    ]


def test_24_a_row_of_10000_columns_is_rejected() -> None:
    assert both_ways(table("x," * 10_000, GOOD.strip())).codes == ["too_many_fields"]


def test_24_a_quote_that_is_never_closed_costs_its_first_line_alone() -> None:
    row = GOOD.strip().encode() + b"n" * 10_000 + b"\n"
    rows = RECORD_MAX_BYTES * 4 // len(row)
    opening = b'2023-05-01,51.5,-0.1,a,,,"\n'
    result, peak = read_generated((HEAD.encode(), 1), (opening, 1), (row, rows))
    assert (result.codes, result.rejects[0].line, len(result.events)) == (["bad_quote"], 2, rows)
    assert peak < 150_000_000


def test_13_columns_are_found_by_name_in_another_order() -> None:
    rest = [name for name in HEADER if name != "lat"]
    header = ("lat", *rest)
    content = (",".join(header) + "\n51.5,2023-05-01,-0.1,a,,,\n").encode()
    assert both_ways(content, header=header).events.lat_e7.tolist() == [515_000_000]
    with pytest.raises(ColumnsMissing) as raised:
        read(content, header=tuple(rest))
    assert raised.value.extra == {"columns": ["lat"]}


def test_29_personal_columns_are_left_out_and_listed() -> None:
    header = ("time", "lat", "lon", "kind", "risk", "id", "Age range")
    content = (",".join(header) + "\n" + "2023-05-01,51.5,-0.1,a,1,e1,18-24\n" * 3).encode()
    words = ("age", "gender")
    suggestion = suggest_mapping([inspect(content)], words)
    assert (suggestion.personal, "personal_columns" in suggestion.warnings) == (("Age range",), True)
    kept_out = both_ways(content, header=header, personal_words=words)
    assert kept_out.events.properties.to_pylist() == [None] * 3
    kept = both_ways(content, header=header, personal_words=words, mapping=mapping(keep_personal=True))
    assert kept.events.properties.to_pylist() == ['{"Age range":"18-24"}'] * 3
    fields = {**mapping().to_json()["fields"], "category": {"column": "Age range"}}
    with pytest.raises(MappingInvalid) as raised:
        read(content, header=header, personal_words=words, mapping=Mapping.from_json({"fields": fields}))
    assert [error.pointer for error in raised.value.errors] == ["/fields/category/column"]


def test_the_first_reason_in_the_order_of_codes_counts_and_the_others_are_told() -> None:
    result = both_ways(table(f"x,91,0,{'k' * 201},high,{'i' * 201},", "x,,,a,,,", "2023,51.5,,a,high,,"))
    first, second, third = result.rejects
    assert (first.code, first.column) == ("timestamp_invalid", "time")
    assert first.also == (
        "coordinate_out_of_range",
        "category_too_long",
        "value_invalid",
        "external_id_too_long",
    )
    assert (second.code, second.also) == ("timestamp_invalid", ("coordinate_missing",))
    assert (third.code, third.column, third.also) == ("coordinate_missing", "lon", ("value_invalid",))
    both_missing = both_ways(table("2023,,,a,,,")).rejects[0]
    assert (both_missing.column, both_missing.also) == ("lat", ())


def test_bad_values_are_rejected_or_dropped_and_counted() -> None:
    rows = [
        "2023,51.5,-0.1,a,high,,",
        "2023,51.5,-0.1,a,inf,,",
        "2023,51.5,-0.1,a,1e400,,",
        "2023,51.5,-0.1,a,NA,,",
    ]
    assert both_ways(table(*rows)).codes == ["value_invalid"] * 3
    dropped = both_ways(table(*rows), mapping=mapping(value_errors="null"))
    assert (len(dropped.events), dropped.warnings["value_dropped"]) == (4, 3)


def test_out_of_range_rows_that_fit_when_swapped_are_noted() -> None:
    result = both_ways(table(point("-122.4", "37.7"), point("200", "200")))
    assert (result.codes, result.notes["swap_fits"]) == (["coordinate_out_of_range"] * 2, 1)
