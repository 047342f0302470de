"""Line protocol: what becomes a point, and which lines are refused."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.common.errors import DomainError, Malformed
from apps.metrics.doors.influx import parsing
from apps.metrics.doors.influx.few_lines import read_few
from apps.metrics.doors.influx.parsing import InfluxWrite, parse_write
from apps.metrics.doors.influx.plain_lines import Lines, read_plain
from apps.metrics.doors.influx.precisions import precision_of
from apps.metrics.errors import BatchSize
from apps.metrics.points.batch import SECOND_US
from apps.metrics.points.timestamps import TimeWindow

NOW_S = 1_700_000_000
NOW_NS = NOW_S * 10**9
WINDOW = TimeWindow(NOW_S * SECOND_US)
MAX_POINTS = 100_000


def write(body: str | bytes, precision: str = "") -> InfluxWrite:
    raw = body.encode() if isinstance(body, str) else body
    return parse_write(raw, precision, WINDOW, max_points=MAX_POINTS)


def points_of(found: InfluxWrite) -> list[tuple[str, float, int]]:
    batch = found.parsed.batch
    columns = zip(batch.key_index, batch.values.tolist(), batch.times.tolist(), strict=True)
    return [(batch.keys[key], value, time - NOW_S * SECOND_US) for key, value, time in columns]


def refused_lines(found: InfluxWrite) -> list[tuple[int, str]]:
    return [(refusal.item + 1, refusal.code) for refusal in found.parsed.refusals]


@pytest.mark.parametrize(
    ("line", "points"),
    [
        ("cpu value=1.5", [("cpu", 1.5)]),
        ("cpu user=1,system=2", [("cpu.user", 1), ("cpu.system", 2)]),
        ("cpu,host=a,dc=x user=1", [("cpu.user;dc=x;host=a", 1)]),
        ("cpu value=1i,b=-5i", [("cpu", 1), ("cpu.b", -5)]),
        ("cpu value=1u", [("cpu", 1)]),
        ("cpu a=t,b=T,c=true,d=True,e=TRUE", [(f"cpu.{name}", 1) for name in "abcde"]),
        ("cpu a=f,b=F,c=false,d=False,e=FALSE", [(f"cpu.{name}", 0) for name in "abcde"]),
        ('cpu text="a",value=1', [("cpu", 1)]),
        ('cpu text="a b,c=d",value=1', [("cpu", 1)]),
        ('cpu text="say \\"hi\\" \\\\",value=1', [("cpu", 1)]),
        ('cpu text="two\nlines x=5",value=1', [("cpu", 1)]),
        ('cpu text="only"', []),
        ("my\\ cpu,ho\\=st=a\\,b\\ c us\\,er=1", [("my cpu.us,er;ho_st=a,b c", 1)]),
        ("a\\\\b value=1", [("a\\b", 1)]),
        ("a\\b value=1", [("a\\b", 1)]),
        ("cpu,host= value=1", [("cpu", 1)]),
        ('cpu,host="a" value=1', [('cpu;host="a"', 1)]),
        ("c;pu,t=50%;x value=1", [("c_pu;t=50%25%3Bx", 1)]),
        ("cpu value=1e3,b=+1.5E-2,c=.5", [("cpu", 1e3), ("cpu.b", 0.015), ("cpu.c", 0.5)]),
        ("cpu d=5.,e=-0", [("cpu.d", 5), ("cpu.e", 0)]),
        ("  cpu   value=1  ", [("cpu", 1)]),
        ("cpu value=1\r", [("cpu", 1)]),
        ("日本,都市=東京 値=1", [("日本.値;都市=東京", 1)]),
        ("cafe\u0301 value=1", [("caf\u00e9", 1)]),
        ("cpu value=9007199254740993i", [("cpu", 9007199254740992)]),
    ],
)  # fmt: skip
def test_each_numeric_field_of_a_line_is_a_point(line: str, points: list[tuple[str, float]]) -> None:
    found = write(line)
    assert points_of(found) == [(key, value, 0) for key, value in points]
    assert (refused_lines(found), found.parsed.item_count, found.all_timed) == ([], 1, False)
    assert not np.signbit(found.parsed.batch.values[found.parsed.batch.values == 0]).any()


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("cpu", "invalid"),
        ("cpu value", "invalid"),
        ("cpu value=", "invalid"),
        ("cpu =1", "invalid"),
        ("cpu value=1,", "invalid"),
        ("cpu value=1 x", "invalid"),
        ("cpu value=1 1.5", "invalid"),
        ('cpu text="open', "invalid"),
        ("cpu,host value=1", "metrics.invalid_tags"),
        ("cpu,=a value=1", "metrics.invalid_tags"),
        ("cpu,host=a,host=b value=1", "metrics.invalid_tags"),
        (",host=a value=1", "metrics.invalid_name"),
        ("x" * 256 + " value=1", "metrics.invalid_name"),
        ("x" + ",t=" * 10_000 + " value=1", "metrics.invalid_tags"),
        ("cpu value=NaN", "metrics.invalid_value"),
        ("cpu value=nan", "metrics.invalid_value"),
        ("cpu value=inf", "metrics.invalid_value"),
        ("cpu value=-Infinity", "metrics.invalid_value"),
        ("cpu value=1e400", "metrics.invalid_value"),
        ("cpu value=1.1e290", "metrics.invalid_value"),
        ("cpu value=1.5i", "metrics.invalid_value"),
        ("cpu value=-1u", "metrics.invalid_value"),
        ("cpu value=9223372036854775808i", "metrics.invalid_value"),
        ("cpu value=18446744073709551616u", "metrics.invalid_value"),
        ("cpu value=0x10", "metrics.invalid_value"),
        ("cpu value=0x10i", "metrics.invalid_value"),
        ("cpu value=1_0", "metrics.invalid_value"),
        ("cpu value=abc", "metrics.invalid_value"),
        ("cpu value=\u0661", "metrics.invalid_value"),
        ("cpu value=1 0", "metrics.timestamp_out_of_range"),
        ("cpu value=1 99999999999999999999999999", "metrics.timestamp_out_of_range"),
        (f"cpu value=1 {NOW_S}", "metrics.timestamp_out_of_range"),
    ],
)
def test_a_faulty_line_is_refused_by_its_number_and_the_others_are_kept(line: str, code: str) -> None:
    found = write(f"good value=1 {NOW_NS}\n{line}\ngood value=2 {NOW_NS}\n")
    assert refused_lines(found) == [(2, code)]
    assert points_of(found) == [("good", 1, 0), ("good", 2, 0)]
    assert found.parsed.item_count == 3


def test_a_line_with_one_bad_field_is_refused_as_a_whole_and_once() -> None:
    found = write("a x=1,y=NaN,z=oops\nb x=1")
    assert refused_lines(found) == [(1, "metrics.invalid_value")]
    assert points_of(found) == [("b.x", 1, 0)]


def test_what_is_not_utf_8_becomes_an_underscore() -> None:
    found = write(b"a value=1\nb\xff,t=\xfe value=1\na value=2\n")
    assert points_of(found) == [("a", 1, 0), ("b_;t=_", 1, 0), ("a", 2, 0)]


def test_comments_and_empty_lines_count_as_lines_only() -> None:
    found = write("# cpu value=1 1\n\n  \ncpu value=1\n#end\ncpu value=x\n")
    assert refused_lines(found) == [(6, "metrics.invalid_value")]
    assert found.parsed.item_count == 2


def test_lines_inside_quotes_are_counted() -> None:
    found = write('cpu text="a\nb\nc",value=1\ncpu value=x')
    assert refused_lines(found) == [(4, "metrics.invalid_value")]


@pytest.mark.parametrize(
    ("precision", "stamp"),
    [("", NOW_NS), ("ns", NOW_NS), ("n", NOW_NS), ("us", NOW_S * 10**6), ("u", NOW_S * 10**6),
     ("ms", NOW_S * 1_000), ("s", NOW_S), ("m", NOW_S // 60), ("h", NOW_S // 3_600)],
)  # fmt: skip
@pytest.mark.parametrize("quoted", ["", ',t="x"'])
def test_times_are_read_in_the_precision_asked_for(precision: str, stamp: int, quoted: str) -> None:
    found = write(f"cpu value=1{quoted} {stamp}", precision)
    span_s = {"m": 60, "h": 3_600}.get(precision, 1)
    assert points_of(found) == [("cpu", 1, -(NOW_S % span_s) * SECOND_US)]
    assert found.all_timed


def test_an_unknown_precision_is_malformed() -> None:
    with pytest.raises(Malformed):
        write("cpu value=1", "d")


@pytest.mark.parametrize("quoted", ["", ',t="x"'])
def test_nanoseconds_are_floored(quoted: str) -> None:
    found = write(f"cpu value=1{quoted} {NOW_NS + 1_999}\ncpu value=1{quoted} {NOW_NS - 1}")
    assert [time for _key, _value, time in points_of(found)] == [1, -1]
    assert precision_of("ns").instants_of(np.array([-1, -1_000, -1_001])).tolist() == [-1, -1, -2]


def test_hours_far_off_saturate() -> None:
    found = write("cpu value=1 9223372036854775807", "h")
    assert refused_lines(found) == [(1, "metrics.timestamp_out_of_range")]


def test_a_refusal_names_the_unit_that_would_fit() -> None:
    assert "As seconds it would fit" in write(f"cpu value=1 {NOW_S}").parsed.refusals[0].detail
    assert "As nanoseconds it would fit" in write(f"cpu value=1 {NOW_NS}", "s").parsed.refusals[0].detail


@pytest.mark.parametrize(
    ("body", "all_timed"),
    [(f"a x=1 {NOW_NS}", True), (f"a x=1 {NOW_NS}\na x=2", False), ("a x=1\na x=2", False), ("", False),
     (f'a x=1,t="s" {NOW_NS}\n', True), (f'a x=1,t="s" {NOW_NS}\na x=1\n', False)],
)  # fmt: skip
def test_it_is_known_whether_every_line_has_a_time(body: str, all_timed: bool) -> None:
    assert write(body).all_timed is all_timed


def test_a_body_without_lines_has_no_points() -> None:
    for body in ("", "\n\n", "# nothing\n", 'a t="x"\n'):
        assert len(write(body).parsed.batch) == 0


def test_a_write_has_a_bound() -> None:
    for body in (b"a x=1,y=2\na x=1,y=2", b'a x=1,y=2,t=""\na x=1,y=2'):
        assert len(parse_write(body, "", WINDOW, max_points=4).parsed.batch) == 4
        with pytest.raises(BatchSize):
            parse_write(body, "", WINDOW, max_points=3)


def test_faulty_and_empty_lines_have_the_same_bound() -> None:
    for body in (b"x\n" * 4, b'a t=""\n' * 4, b"\n" * 9, b"#\n" * 9):
        with pytest.raises(BatchSize):
            parse_write(body, "", WINDOW, max_points=3)


@pytest.mark.parametrize("faulty", ["", "b value=nan 0", 'b value=1,t="\n" 0'])
def test_long_bodies_are_read_like_short_ones(faulty: str) -> None:
    found = write(
        "\n".join([f"a,n={number} value={number},b=2i {NOW_NS + 1_000}" for number in range(500)] + [faulty])
    )
    expected = [(key, value, 1) for n in range(500) for key, value in ((f"a;n={n}", n), (f"a.b;n={n}", 2))]
    assert points_of(found) == expected
    assert [line for line, _code in refused_lines(found)] == ([501] if faulty else [])


def test_many_heads_and_fields_find_their_keys() -> None:
    body = "\n".join(f"m{number % 1_500} f{number % 1_499}={number}" for number in range(3_000))
    found = write(body)
    assert points_of(found) == [(f"m{n % 1_500}.f{n % 1_499}", n, 0) for n in range(3_000)]


heads = st.sampled_from(
    ["cpu", "cpu,host=a", "cpu,host=b,dc=x", "cpu,dc=x,host=b", "m;x", "é,ü=1", "a,b=", "x0,k=0y"]
)
bad_heads = st.sampled_from(
    [",a=1", "cpu,host", "cpu,a=1,a=2", "#cpu", "x" * 256, "", " cpu", "a\x0bb", "\ufeffx", "-"]
)
names = st.sampled_from(["value", "a", "b", "user", "é"])
numbers = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(2**70), 2**70).map(str),
    st.integers(-(2**64), 2**64).map(lambda number: f"{number}i"),
)
bad_numbers = st.sampled_from(
    [
        "nan",
        "inf",
        "1e400",
        "t",
        "f",
        "1u",
        "0x1",
        "0x1i",
        "+1",
        "1.",
        ".5",
        "1e",
        "i",
        "",
        "x",
        "1 ",
        "--1",
        "1ii",
        "-0",
        "a=1",
        "infi",
    ]
)
stamps = st.one_of(
    st.integers(NOW_NS - 10**15, NOW_NS + 10**15).map(str),
    st.sampled_from(
        ["", "0", "-1", "0x10", "+1", "1.5", "9223372036854775808", str(NOW_NS), f"{NOW_NS}\t", f"{NOW_NS} "]
    ),
)


@st.composite
def lines(draw: st.DrawFn, *, is_clean: bool) -> str:
    is_odd = not is_clean and draw(st.integers(0, 4)) == 0
    head = draw(bad_heads if is_odd and draw(st.booleans()) else heads)
    values = st.one_of(numbers, bad_numbers) if is_odd else numbers
    fields = ",".join(f"{draw(names)}={draw(values)}" for _ in range(draw(st.integers(1, 3))))
    stamp = draw(stamps) if is_odd else str(draw(st.integers(NOW_NS - 10**14, NOW_NS + 10**14)))
    return f"{head} {fields} {stamp}" if stamp else f"{head} {fields}"


def same(body: bytes) -> None:
    """Compare what the exact path and the fast ones make of a body that these take."""
    for read in (read_plain, read_few):
        lines = read(body, MAX_POINTS)
        if lines is not None:
            same_lines(body, lines)


def same_lines(body: bytes, lines: Lines) -> None:
    unit = precision_of("ns")
    fast = parsing._parse_plain(lines, unit, WINDOW)
    slow = parsing._parse_exactly(body, unit, WINDOW, MAX_POINTS)
    assert points_of(fast) == points_of(slow)
    assert fast.parsed.refusals == slow.parsed.refusals
    assert fast.parsed.batch.item_numbers.tolist() == slow.parsed.batch.item_numbers.tolist()
    assert (fast.parsed.item_count, fast.all_timed) == (slow.parsed.item_count, slow.all_timed)


@pytest.mark.parametrize(
    ("body", "count", "refused"),
    [
        (f"a x=1 {NOW_NS}\n#b x=1 {NOW_NS}", 1, []),
        (f"a x=1 {NOW_NS:#x}", 0, [1]),
        (f"a x=1 {NOW_NS:#X}", 0, [1]),
        ("a x=0x1i", 0, [1]),
        ("a x=0X1i,y=1", 0, [1]),
        (f"a x=1 {NOW_NS}\t", 0, [1]),
        (f"a x=1 \t{NOW_NS}", 0, [1]),
        (f"a x=1 {NOW_NS}\x0b", 0, [1]),
        (f"a x=1 {NOW_NS}\rb x=1 {NOW_NS}", 0, [1]),
        (f"a x=1 {NOW_NS}\n\nb x=nan {NOW_NS}", 1, [3]),
        (f"a x=1,y=2 {NOW_NS}\na x=1 {NOW_NS}\na x=1,y=2,z=3 {NOW_NS}", 6, []),
        (f"a x=1 {NOW_NS}\na x=1,y=2 {NOW_NS}", 3, []),
    ],
)
def test_what_a_table_reader_would_read_otherwise_is_read_as_the_protocol_has_it(
    body: str, count: int, refused: list[int]
) -> None:
    found = write(body)
    assert len(found.parsed.batch) == count
    assert [line for line, _code in refused_lines(found)] == refused
    same(body.encode())


def test_a_byte_order_mark_is_part_of_the_name() -> None:
    assert points_of(write("\ufeffa value=1")) == [("\ufeffa", 1, 0)]
    same("\ufeffa value=1".encode())


@given(
    st.lists(lines(is_clean=False), min_size=1, max_size=6),
    st.sampled_from(["\n", "\r\n", "\n\n"]),
    st.booleans(),
)
def test_both_paths_give_the_same(found: list[str], end: str, has_end: bool) -> None:
    same((end.join(found) + (end if has_end else "")).encode())


@given(st.lists(lines(is_clean=True), min_size=1, max_size=6))
def test_clean_bodies_take_the_fast_path(found: list[str]) -> None:
    body = "\n".join(found).encode()
    is_sound = all(not refusal.code.endswith("value") for refusal in write(body).parsed.refusals)
    if is_sound and b"i" not in body:
        assert read_plain(body, MAX_POINTS) is not None
        assert read_few(body, MAX_POINTS) is not None
    same(body)


def test_a_few_lines_of_very_many_words_are_not_taken_apart() -> None:
    body = b"aa " * 300_000
    tracemalloc.start()
    assert read_few(body, MAX_POINTS) is None
    _now, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 5 * len(body)


@given(st.text(st.sampled_from('ab ,=\\"\n\r\t#;01.eiutf-+x\x00é'), max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    found = write(text)
    assert len(found.parsed.batch.keys) <= len(found.parsed.batch.values)
    for key in found.parsed.batch.keys:
        assert "\0" not in key
    same(text.encode())


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        found = write(body)
    except DomainError:
        return
    for key in found.parsed.batch.keys:
        key.encode()
    same(body)
