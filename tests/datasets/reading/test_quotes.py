"""Quotes are judged by bits, 64 bytes at a time, and must be judged as one byte after the other would be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.datasets.reading.mapping import Dialect
from apps.datasets.reading.quoting import SLICE_BYTES, is_well_quoted

FIELDS = (b"a", b"", b'"a"', b'""', b'"a""b"', b'"a,b"', b'"a\nb"', b'a"', b'"', b'""a', b'"a"b', b"x" * 61)
BORDERS = (b",", b"\n", b"\r\n", b";")


def judge(content: bytes) -> bool:
    return is_well_quoted(np.frombuffer(content, np.uint8), Dialect())


def judge_slowly(content: bytes) -> bool:
    """Walk over the bytes: every quote opens or closes at a border, or is one of a doubled pair."""
    borders = b",\n\r"
    padded = b"\n" + content + b"\n"
    inside = False
    closed_at = -2
    must_open_at = -1
    for at, byte in enumerate(padded):
        if byte == ord('"') and not inside:
            if padded[at - 1] not in borders and closed_at != at - 1:
                return False
            inside, must_open_at = True, -1
        elif at == must_open_at:
            return False
        elif byte == ord('"'):
            inside, closed_at = False, at
            must_open_at = -1 if padded[at + 1] in borders else at + 1
        elif byte == ord("\n") and inside:
            return False
    return not inside


@given(st.lists(st.tuples(st.sampled_from(FIELDS), st.sampled_from(BORDERS)), min_size=1, max_size=40))
def test_bits_say_what_a_walk_over_the_bytes_says(parts: list[tuple[bytes, bytes]]) -> None:
    content = b"".join(field + border for field, border in parts)
    for block in (content, content[:-1] or b"x"):
        assert judge(block) is judge_slowly(block)


@pytest.mark.parametrize("before", [61, 62, 63, 64, 126, 127, 128])
def test_a_quoted_field_may_lie_across_words(before: int) -> None:
    start = b"x" * (before - 1) + b","

    assert judge(start + b'"a""b",c')
    assert judge(start + b'"a"')
    assert not judge(start + b'"a"b')
    assert not judge(start + b'a"b"')
    assert not judge(start + b'"a')


@pytest.mark.parametrize("before", [SLICE_BYTES - 2, SLICE_BYTES - 1, SLICE_BYTES, 2 * SLICE_BYTES - 2])
def test_a_quoted_field_may_lie_across_slices(before: int) -> None:
    test_a_quoted_field_may_lie_across_words(before)
