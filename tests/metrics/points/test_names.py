"""What a metric may be called, and what makes two names one."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.metrics.errors import InvalidName, InvalidTags
from apps.metrics.points.names import KEY_MAX_BYTES, canonical_key, door_key, parse_key, split_key

BAD_ENDS = " \t\u00a0\u2003"
tag_names = st.text(st.sampled_from("abcXYZ019_.-é\u0301"), min_size=1, max_size=8)
tag_values = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
names = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Zs", "Zl", "Zp"], exclude_characters=";\u037e"),
    min_size=1,
    max_size=30,
)


def nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def test_case_and_tags_tell_metrics_apart() -> None:
    assert len({parse_key(text) for text in ("Cpu", "cpu", "cpu;host=a")}) == 3


def test_two_spellings_of_one_character_are_one_name() -> None:
    assert parse_key("cafe\u0301") == parse_key("caf\u00e9") == "caf\u00e9"
    assert parse_key("m;stadt=Ko\u0308ln") == parse_key("m;stadt=K\u00f6ln")


def test_255_characters_of_four_bytes_are_a_name_and_256_are_not() -> None:
    assert parse_key("\U0001f600" * 255) == "\U0001f600" * 255
    with pytest.raises(InvalidName, match="255"):
        parse_key("\U0001f600" * 256)


def test_the_length_counts_after_composing() -> None:
    assert len(parse_key("e\u0301" * 255)) == 255


@pytest.mark.parametrize(
    "name", ["", " a", "a ", "a\u00a0", "\u2003a", "a\tb", "a\nb", "a\x7fb", "a\x85b", "a\0"]
)
def test_control_characters_and_white_space_at_the_ends_are_refused(name: str) -> None:
    with pytest.raises(InvalidName):
        parse_key(name)


@pytest.mark.parametrize("name", ["a b", "a/b", "100 %", "%3B", "a=b", "{x}", "日本", "a\u2028b"])
def test_other_names_stay_as_they_are(name: str) -> None:
    assert parse_key(name) == name
    assert split_key(name) == (name, {})


def test_a_character_that_composing_makes_a_semicolon_is_one() -> None:
    with pytest.raises(InvalidName):
        parse_key("a\u037eb")
    assert canonical_key("a", {"t": "x\u037ey"}) == "a;t=x%3By"


def test_tags_stand_by_code_point_with_their_values_escaped() -> None:
    assert canonical_key("m", {"b": "1;2", "a": "50%", "B": "x=y", "é": "z"}) == "m;B=x=y;a=50%25;b=1%3B2;é=z"


def test_a_key_names_its_metric_whatever_the_order_of_its_tags() -> None:
    assert parse_key("m;b=2;a=1") == parse_key("m;a=1", (("b", "2"),)) == "m;a=1;b=2"


def test_an_escaped_and_a_plain_percent_mean_the_same() -> None:
    assert parse_key("m;a=50%") == parse_key("m;a=50%25") == "m;a=50%25"
    assert parse_key("m;a=x%3by") == "m;a=x%3By"


def test_an_empty_value_is_no_tag() -> None:
    assert parse_key("m;a=", (("b", ""),)) == "m"


def test_a_tag_with_two_values_is_refused_and_with_one_value_twice_is_not() -> None:
    assert parse_key("m;a=1;a=1") == "m;a=1"
    with pytest.raises(InvalidTags, match="two values"):
        parse_key("m;a=1", (("a", "2"),))
    with pytest.raises(InvalidTags, match="two values"):
        parse_key("m;e\u0301=1;\u00e9=2")


@pytest.mark.parametrize("tag", ["", "a b", "a=b", "a!", "^a", "a;b", "a\tb", "x" * 65])
def test_other_tag_names_are_refused(tag: str) -> None:
    with pytest.raises(InvalidTags):
        canonical_key("m", {tag: "1"})


@pytest.mark.parametrize("text", ["a;b", "a;", "a;=1", "a;b c=1"])
def test_what_follows_a_semicolon_is_a_tag(text: str) -> None:
    with pytest.raises(InvalidTags):
        parse_key(text)


def test_32_tags_and_values_of_255_characters_are_accepted() -> None:
    assert parse_key("m", tuple((f"t{n}", "v") for n in range(32))).count(";") == 32
    assert canonical_key("m", {"t": "v" * 255}) == "m;t=" + "v" * 255
    with pytest.raises(InvalidTags, match="32"):
        canonical_key("m", {f"t{n}": "v" for n in range(33)})
    with pytest.raises(InvalidTags, match="255"):
        canonical_key("m", {"t": "v" * 256})


def test_a_key_has_at_most_2048_bytes() -> None:
    tags = {f"t{n}": "v" * 230 for n in range(8)}
    room = KEY_MAX_BYTES - len(canonical_key("m", tags))
    assert len(canonical_key("m" * (room + 1), tags).encode()) == KEY_MAX_BYTES
    with pytest.raises(InvalidTags, match="2048"):
        canonical_key("m" * (room + 2), tags)


def test_what_is_far_too_long_is_not_even_taken_apart() -> None:
    with pytest.raises(InvalidName, match="far"):
        parse_key("m" * 100_000)
    with pytest.raises(InvalidTags, match="far"):
        parse_key("m" + ";k=a" * 100_000)


def test_doors_trim_and_write_an_underscore() -> None:
    assert (
        door_key(" a;b\tc\n", [(" my tag ", "x y"), ("a=b", "1"), ("n", "a\0b")])
        == "a_b_c;a_b=1;my_tag=x y;n=a_b"
    )


@pytest.mark.parametrize(("name", "tags"), [("  ", []), ("x" * 256, []), ("m", [("a b", "1"), ("a_b", "2")])])
def test_doors_refuse_what_cannot_be_made_to_fit(name: str, tags: list[tuple[str, str]]) -> None:
    with pytest.raises((InvalidName, InvalidTags)):
        door_key(name, tags)


@given(name=names, tags=st.dictionaries(tag_names.map(nfc), tag_values, max_size=6))
def test_a_key_gives_back_name_and_tags(name: str, tags: dict[str, str]) -> None:
    key = canonical_key(name, tags)
    assert split_key(key) == (nfc(name), {tag: nfc(value) for tag, value in tags.items()})
    assert parse_key(key) == key
    assert canonical_key(*split_key(key)) == key


pairs = st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), max_size=3)


@given(text=st.text(max_size=40), tags=pairs)
def test_any_text_is_a_metric_or_refused(text: str, tags: list[tuple[str, str]]) -> None:
    for is_door in (False, True):
        try:
            key = door_key(text, tags) if is_door else parse_key(text, tuple(tags))
        except (InvalidName, InvalidTags):
            continue
        assert parse_key(key) == key
        assert "\0" not in key
        key.encode()
