"""Encryption at rest: what is sealed opens for its own place only, and outlives an exchange of keys."""

import pytest
from pytest_django.fixtures import Settings

from apps.common.encryption import SealBrokenError, is_sealed_newest, seal, unseal

OLD, NEW = "o" * 40, "n" * 40


def test_what_is_sealed_can_be_read_again_and_shows_nothing() -> None:
    sealed = seal(b"a link", place="mail:1")
    assert b"a link" not in sealed
    assert unseal(sealed, place="mail:1") == b"a link"
    assert unseal(memoryview(sealed), place="mail:1") == b"a link"


def test_the_same_text_is_sealed_differently_each_time() -> None:
    assert seal(b"a link", place="mail:1") != seal(b"a link", place="mail:1")


def test_a_value_opens_in_no_other_place() -> None:
    with pytest.raises(SealBrokenError):
        unseal(seal(b"a link", place="mail:1"), place="mail:2")


@pytest.mark.parametrize("position", [0, 1, 5, 17, -1])
def test_each_changed_byte_is_noticed(position: int) -> None:
    sealed = bytearray(seal(b"a link", place="mail:1"))
    sealed[position] ^= 1
    with pytest.raises(SealBrokenError):
        unseal(bytes(sealed), place="mail:1")


@pytest.mark.parametrize("text", [b"", b"\x01", b"plain text that was never sealed"])
def test_what_was_never_sealed_is_refused(text: bytes) -> None:
    with pytest.raises(SealBrokenError):
        unseal(text, place="mail:1")


def test_an_older_key_still_opens_and_the_newest_seals(settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = [OLD]
    before = seal(b"a link", place="mail:1")
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    after = seal(b"a link", place="mail:1")
    assert unseal(before, place="mail:1") == unseal(after, place="mail:1") == b"a link"
    assert (is_sealed_newest(before), is_sealed_newest(after)) == (False, True)

    settings.ENCRYPTION_KEYS = [NEW]
    assert unseal(after, place="mail:1") == b"a link"
    with pytest.raises(SealBrokenError):
        unseal(before, place="mail:1")
