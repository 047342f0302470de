"""Names, tags and the keys they make: metrics.md section 1.

A key is `name;k=v;k2=v2`, tags by code point, `%` and `;` in values as `%25` and `%3B`. It is what tells one
metric from another. Text is brought to NFC before it is judged, since that may turn a character into a `;`.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from apps.metrics.errors import InvalidName, InvalidTags

NAME_MAX_CHARS: Final = 255
TAGS_MAX: Final = 32
TAG_MAX_CHARS: Final = 64
TAG_VALUE_MAX_CHARS: Final = 255
KEY_MAX_BYTES: Final = 2_048
# No text of a key is longer, however it is composed; what is, is not taken apart.
TEXT_MAX_CHARS: Final = 16_384
# Texts of this length are remembered; longer ones would let few callers fill the memory.
REMEMBERED_CHARS: Final = 512
REMEMBERED_KEYS: Final = 65_536

Pairs = Iterable[tuple[str, str]]

# Most names: one look tells that they need no other care.
_PLAIN_NAME: Final = re.compile(r"[!-:<-~](?:[ -:<-~]{0,253}[!-:<-~])?")
# Half a surrogate pair cannot be stored; doors meet it where a body is not UTF-8.
_BAD_IN_NAME: Final = re.compile("[\x00-\x1f\x7f-\x9f;\ud800-\udfff]")
_BAD_IN_TAG: Final = re.compile("[\x00-\x1f\x7f-\x9f;=!^\\s\ud800-\udfff]")
_BAD_IN_TAG_VALUE: Final = re.compile("[\x00\ud800-\udfff]")
_ESCAPE: Final = re.compile("%(25|3[Bb])")


def canonical_key(name: str, tags: Mapping[str, str]) -> str:
    """Return the key of a metric; raises InvalidName, InvalidTags."""
    return _key_of(name, tags.items())


def split_key(key: str) -> tuple[str, dict[str, str]]:
    """Return name and tags of a key that `canonical_key` made; judges nothing."""
    name, *parts = key.split(";")
    pairs = (part.partition("=") for part in parts)
    return name, {tag: _unescaped(value) for tag, _equals, value in pairs}


def parse_key(text: str, tags: tuple[tuple[str, str], ...] = ()) -> str:
    """Return the key of what a caller calls a metric: a name, or a key in any order, and further tags.

    Raises InvalidName, InvalidTags.
    """
    if len(text) + sum(len(tag) + len(value) for tag, value in tags) <= REMEMBERED_CHARS:
        return _remembered_key(text, tags)
    return _parsed_key(text, tags)


def door_key(name: str, tags: Pairs) -> str:
    """Return the key of a name and tags of a foreign protocol, made to fit where they can be.

    White space at the ends goes, characters that a name or tag cannot have become `_`. Raises InvalidName,
    InvalidTags for what is empty or too long even so.
    """
    name = _BAD_IN_NAME.sub("_", _nfc(name).strip())
    return _key_of(name, [(_door_tag(tag), _BAD_IN_TAG_VALUE.sub("_", value)) for tag, value in tags])


def _door_tag(tag: str) -> str:
    return _BAD_IN_TAG.sub("_", _nfc(tag).strip())


@lru_cache(REMEMBERED_KEYS)
def _remembered_key(text: str, tags: tuple[tuple[str, str], ...]) -> str:
    return _parsed_key(text, tags)


def _parsed_key(text: str, tags: tuple[tuple[str, str], ...]) -> str:
    if not tags and _PLAIN_NAME.fullmatch(text):
        return text
    if len(text) > TEXT_MAX_CHARS:
        raise (InvalidTags if ";" in text else InvalidName)("The metric's name is far too long.")
    name, *parts = text.split(";")
    return _key_of(name, [*map(_pair_of, parts), *tags])


def _pair_of(part: str) -> tuple[str, str]:
    tag, equals, value = part.partition("=")
    if not equals:
        raise InvalidTags("After the name and a `;` stands tag=value; a name itself has no `;`.")
    return tag, _unescaped(value)


def _key_of(name: str, pairs: Pairs) -> str:
    name = _nfc(name)
    _check_name(name)
    tags = _tags_of(pairs)
    if not tags:
        return name
    key = name + "".join(f";{tag}={_escaped(tags[tag])}" for tag in sorted(tags))
    if len(key.encode()) > KEY_MAX_BYTES:
        raise InvalidTags(f"Name and tags together have more than {KEY_MAX_BYTES} bytes.")
    return key


def _check_name(name: str) -> None:
    if not name:
        raise InvalidName("The name is empty.")
    if len(name) > NAME_MAX_CHARS:
        raise InvalidName(f"The name has more than {NAME_MAX_CHARS} characters.")
    if _BAD_IN_NAME.search(name):
        raise InvalidName("The name has a control character or a `;`.")
    if name != name.strip():
        raise InvalidName("The name has white space at an end.")


def _tags_of(pairs: Pairs) -> dict[str, str]:
    """Return the tags that have a value; an empty value means that there is no such tag."""
    tags: dict[str, str] = {}
    for raw_tag, raw_value in pairs:
        tag, value = _nfc(raw_tag), _nfc(raw_value)
        _check_tag(tag)
        if not value:
            continue
        _check_tag_value(tag, value)
        if tags.setdefault(tag, value) != value:
            raise InvalidTags(f"The tag {tag} has two values.")
    if len(tags) > TAGS_MAX:
        raise InvalidTags(f"There are more than {TAGS_MAX} tags.")
    return tags


def _check_tag(tag: str) -> None:
    if not tag:
        raise InvalidTags("A tag's name is empty.")
    if len(tag) > TAG_MAX_CHARS:
        raise InvalidTags(f"A tag's name has more than {TAG_MAX_CHARS} characters.")
    if _BAD_IN_TAG.search(tag):
        raise InvalidTags("A tag's name has a space, a control character or one of `;` `=` `!` `^`.")


def _check_tag_value(tag: str, value: str) -> None:
    if len(value) > TAG_VALUE_MAX_CHARS:
        raise InvalidTags(f"The value of the tag {tag} has more than {TAG_VALUE_MAX_CHARS} characters.")
    if _BAD_IN_TAG_VALUE.search(value):
        raise InvalidTags(f"The value of the tag {tag} has a character that cannot be stored.")


def _escaped(value: str) -> str:
    return value.replace("%", "%25").replace(";", "%3B")


def _unescaped(value: str) -> str:
    return _ESCAPE.sub(lambda found: "%" if found[1] == "25" else ";", value) if "%" in value else value


def _nfc(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)
