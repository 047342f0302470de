"""The fast path and the row path give the same events, order, evidence and bytes, in blocks of any size."""

from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from apps.datasets.reading.mapping import Dialect, Mapping
from tests.datasets.reading.tables import HEADER, columns, join, mapping, read, read_batches

BLOCKS = (64, 4_096, 8 * 1024 * 1024)

times = st.sampled_from(
    ["2023-05-01", "2023-05", "2023", "2023-05-01T10:11:12", "2023-05-01 10:11:12.123", "2023-03-26T01:30:00",
     "2023-10-29T01:30:00",
     "2023-05-01T10:11:12Z", "2023-05-01T10:11:12+02:00", "31/12/2022", "1/2/2022",
     " 2023-05-01 ", "2023-02-29",
     "2023-05-01T24:00:00",
     "2027-01-01", "2099-01-01", "1799-12-31", "", "NA", "n/a", "x", "2023-13-01", "12:00"]
)  # fmt: skip
numbers = st.one_of(
    st.sampled_from(
        ["0", "-0.0", "51.5", "51.51686951",
         "51.516869500000001", "0.00000005", "0.00000015",
         "90", "-90", "90.00000001", "91", "180", "-180", "180.5",
         "540", "nan", "NaN", "inf", "Infinity", "1e1", "1E-3", "+5", ".5", "5.", "",
         "NA", "-", "5,5", "\u22125.25", " 7 ", "1_0", "0x10",

         "1e400", "1e-9999999", "--1", "51.5°", "\u0663", "null", "-5", "36.619446395"]
    ),
    st.floats(-200, 200, allow_nan=False).map(repr),
    st.decimals(-180, 180, places=8, allow_nan=False).map(str),
)  # fmt: skip
texts = st.one_of(
    st.sampled_from(
        ["", "a", "Other theft", " a ", "NA", "None", "e\u0301", "\u00e9", "\u0130", "\u00a0",
         "x" * 200, "x" * 201, "\u00e9" * 200,
         "\U0001f600",
         "\u202ertl", "<b>", "constructor", "\\", "tab\there", "\x1f", "\u2028", "\ufeff", "'", "none\u00a0"]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12),
)  # fmt: skip


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


@st.composite
def fields(draw: st.DrawFn, delimiter: str) -> str:
    text = draw(st.one_of(times, numbers, texts))
    return cell(draw, text, delimiter)


def cell(draw: st.DrawFn, text: str, delimiter: str) -> str:
    needs = any(char in text for char in (delimiter, '"', "\n", "\r"))
    if needs and draw(st.integers(0, 9)):
        return quoted(text)
    return quoted(text) if draw(st.integers(0, 5)) == 0 else text


@st.composite
def rows(draw: st.DrawFn, delimiter: str) -> str:
    kind = draw(st.integers(0, 19))
    if kind == 0:
        return draw(st.sampled_from(["", delimiter * 6, " ", delimiter, '"', 'a"b,,,,,,', '"a"b,,,,,,']))
    if kind == 1:
        return delimiter.join(draw(st.lists(fields(delimiter), max_size=9)))
    parts = [
        draw(st.one_of(st.just("2023-05-01"), times)),
        draw(st.one_of(st.just("51.5"), numbers)),
        draw(st.one_of(st.just("-0.1"), numbers)),
        draw(texts), draw(st.one_of(st.just(""), numbers)), draw(texts), draw(texts),
    ]  # fmt: skip
    row = delimiter.join(cell(draw, part, delimiter) for part in parts)
    return row + draw(st.sampled_from(["", "", "", delimiter, delimiter * 2, delimiter + "x"]))


@st.composite
def tables(draw: st.DrawFn, delimiter: str = ",") -> bytes:
    end = draw(st.sampled_from(["\n", "\n", "\r\n", "\r", None]))
    table = [delimiter.join(HEADER), *draw(st.lists(rows(delimiter), max_size=12))]
    ends = [end or draw(st.sampled_from(["\n", "\r\n", "\r"])) for _ in table]
    if not draw(st.booleans()):
        ends[-1] = ""
    return "".join(row + line_end for row, line_end in zip(table, ends, strict=True)).encode()


def assert_same(table: bytes, **options: Any) -> None:
    expected = read(table, fast_path=False, block_bytes=BLOCKS[-1], **options)
    assert expected.rows_read == len(expected.events) + len(expected.rejects)
    assert expected.bytes_read == len(table) == expected.position.byte_offset
    for block_bytes in BLOCKS:
        for fast_path in (True, False):
            found = read(table, fast_path=fast_path, block_bytes=block_bytes, **options)
            assert columns(found.events) == columns(expected.events)
            assert found.rejects == expected.rejects
            assert (found.rows_read, found.blank_lines) == (expected.rows_read, expected.blank_lines)
            assert (found.warnings, found.notes) == (expected.warnings, expected.notes)
            assert found.position == expected.position
            assert found.bytes_read == expected.bytes_read
    for reject in expected.rejects:
        assert reject.byte_offset is not None
        assert table[reject.byte_offset :].startswith(reject.raw)
    assert_no_byte_is_lost(table, expected, options.get("dialect", Dialect()).encoding)


def assert_no_byte_is_lost(table: bytes, found: Any, encoding: str) -> None:
    """Between events and rejects lie the line ends of blank lines alone, of two bytes each in UTF-16."""
    spans = [*zip(found.events.byte_offset.tolist(), found.events.byte_length.tolist(), strict=True)]
    spans += [(reject.byte_offset, len(reject.raw)) for reject in found.rejects]
    at = None
    for offset, length in sorted(spans):
        assert at is None or (at <= offset and not table[at:offset].decode(encoding).strip("\r\n"))
        at = offset + length


# Each example is read seven times from its first byte to its last.
relaxed = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


@relaxed
@given(tables())
def test_on_generated_tables(table: bytes) -> None:
    assert_same(table)


@relaxed
@given(tables(";"))
def test_on_semicolons_with_decimal_commas_and_other_rules(table: bytes) -> None:
    rules = mapping(
        wrap_longitude=True,
        null_island="keep",
        value_errors="null",
        outside_area="reject",
        sentinels=[[51.5, -0.1], [5.5, 5.5]],
    )
    assert_same(
        table,
        mapping=rules,
        dialect=Dialect(delimiter=";", decimal=","),
        area=(-10.0, -90.0, 100.0, 89.0),
        zone="Australia/Lord_Howe",
    )


@relaxed
@given(tables(), st.integers(0, 300), st.binary(min_size=1, max_size=3))
def test_on_destroyed_bytes(table: bytes, at: int, noise: bytes) -> None:
    at = max(min(at, len(table)), table.find(b"note") + 5)
    assert_same(table[:at] + noise + table[at:])


# Generated once: a blank line between records, two bytes wide.
BLANK_LINE = b'time,lat,lon,kind,risk,id,note\n,,,,,,\n\n"2023-05-01","51.5","-0.1","","","",""'


@relaxed
@example(table=BLANK_LINE, encoding="utf-16-le")
@example(table=BLANK_LINE, encoding="utf-16")
@given(tables(), st.sampled_from(["cp1252", "shift_jis", "utf-16-le", "utf-16", "gb18030", "latin-1"]))
def test_in_other_encodings(table: bytes, encoding: str) -> None:
    assert_same(table.decode().encode(encoding, errors="replace"), dialect=Dialect(encoding=encoding))


@relaxed
@given(tables(), st.sampled_from([("0", "1e1"), ("2023", "51.5"), ("31/12/2022",), ("", "a")]))
def test_with_null_tokens_that_are_numbers_or_times(table: bytes, tokens: tuple[str, ...]) -> None:
    assert_same(table, mapping=mapping(null_tokens=list(tokens)))


@relaxed
@given(tables())
def test_with_date_and_time_in_two_columns(table: bytes) -> None:
    assert_same(table, mapping=mapping({"columns": ["time", "note"], "formats": ["iso", "%Y-%m-%d %H:%M"]}))


@relaxed
@given(tables(), st.integers(0, 20))
def test_resuming_at_any_batch_gives_the_rest(table: bytes, index: int) -> None:
    whole = read_batches(table, block_bytes=64)
    start = whole[min(index, len(whole) - 1)].position
    rest = join(read_batches(table, block_bytes=4_096, start=start))
    after = join([*whole[min(index, len(whole) - 1) + 1 :], *read_batches(table, start=whole[-1].position)])
    assert columns(rest.events) == columns(after.events)
    assert rest.rejects == after.rejects
    assert rest.position == whole[-1].position


@pytest.mark.parametrize("properties", ["all", "none", ["note", "kind"]])
def test_properties_are_the_same_json(properties: object) -> None:
    rows = ['2023-05-01,51.5,-0.1,a,,,"say ""hi"" \\ \x1f é"', "2023-05-01,51.5,-0.1,a,,,"]
    table = "\n".join([",".join(HEADER), *rows]).encode()
    kept = mapping(properties=properties)
    assert_same(table, mapping=kept)
    first = read(table, mapping=kept).events.properties.to_pylist()
    assert first == {
        "all": ['{"note":"say \\"hi\\" \\\\ \\u001f é"}', None],
        "none": [None, None],
    }.get(str(properties), ['{"note":"say \\"hi\\" \\\\ \\u001f é","kind":"a"}', '{"kind":"a"}'])


def test_a_geometry_column_is_read_alike() -> None:
    fields = {"timestamp": {"column": "t"}, "geometry": {"column": "g"}, "category": {"constant": "event"}}
    table = b't,g\n2023,POINT (1 2)\n2023,"LINESTRING(0 0,1 1)"\n2023,\n2023,POINT(5)\n'
    assert_same(table, mapping=Mapping.from_json({"fields": fields}), header=("t", "g"))
