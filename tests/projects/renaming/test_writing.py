"""Edits change the bytes of names and no others."""

import pytest

from apps.projects.renaming.errors import RenameConflict
from apps.projects.renaming.texts import NotText, read_text
from apps.projects.renaming.values import Edit
from apps.projects.renaming.writing import apply_edits, edit_id
from apps.projects.states import Bucket


def edit(start: int, before: str, after: str, encoding: str = "utf-8") -> Edit:
    end = start + len(before.encode(encoding))
    return Edit("e", Bucket.CERTAIN, "", "", 1, 1, start, end, before, after, selected=True)


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (b"a = 1\r\nb = a\nc = a\r", "utf-8"),
        (b"\xef\xbb\xbfa = 1", "utf-8"),
        (b"\xef\xbb\xbfa = 1\n", "utf-8-sig"),
        ("é = 'ü'\n\x0ca\n".encode("latin-1"), "latin-1"),
        ("日本 = 1; a\n".encode("shift_jis"), "shift_jis"),
    ],
)
def test_only_the_bytes_of_the_name_change_whatever_the_encoding_and_line_ends(
    content: bytes, encoding: str
) -> None:
    text = read_text(content, encoding)
    places = [
        text.offset(number, line.index("a") + 1) for number, line in enumerate(text.lines, 1) if "a" in line
    ]
    changed = apply_edits(content, [edit(place, "a", "name") for place in reversed(places)], encoding)
    assert changed.replace(b"name", b"a") == content
    assert changed.count(b"name") == len(places) > 0


def test_other_bytes_than_those_looked_at_are_left_alone() -> None:
    with pytest.raises(RenameConflict):
        apply_edits(b"b = 1", [edit(0, "a", "name")])


def test_edits_that_overlap_are_refused() -> None:
    with pytest.raises(RenameConflict):
        apply_edits(b"abc", [edit(0, "ab", "x"), edit(1, "bc", "y")])


def test_a_name_that_the_encoding_cannot_hold_is_refused() -> None:
    with pytest.raises(RenameConflict):
        apply_edits(b"a = 1", [edit(0, "a", "日本")], "latin-1")


def test_a_unicode_file_of_two_bytes_is_not_taken_for_text_that_names_can_be_found_in() -> None:
    with pytest.raises(NotText):
        read_text("a = 1".encode("utf-16"), "utf-16")
    with pytest.raises(NotText):
        read_text(b"\xff\xfe\x00", "utf-8")


def test_equal_blob_and_position_give_equal_ids() -> None:
    assert edit_id("b1", 3, 7) == edit_id("b1", 3, 7)
    assert len({edit_id("b1", 3, 7), edit_id("b2", 3, 7), edit_id("b1", 3, 8), edit_id("b1", 37, 7)}) == 4
