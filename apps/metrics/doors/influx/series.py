"""From the head of a line, `measurement,tag=value`, and a field's name to the key of a metric."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from apps.metrics.errors import InvalidTags
from apps.metrics.points.names import REMEMBERED_CHARS, REMEMBERED_KEYS, TEXT_MAX_CHARS, door_key

# A measurement's only or main field has this name: the metric is then the measurement itself.
MAIN_FIELD: Final = "value"

_ESCAPE: Final = re.compile(r"\\([,= \\])")
_PART: Final = re.compile(r"((?:[^,\\]|\\.?)*+)(,|\Z)", re.DOTALL)
_PAIR: Final = re.compile(r"((?:[^=\\]|\\.?)*+)=(.*)", re.DOTALL)


def series_key(head: str, field: str) -> str:
    """Return the key of one field of a line, both as they were sent; raises InvalidName, InvalidTags."""
    if len(head) + len(field) <= REMEMBERED_CHARS:
        return _remembered_key(head, field)
    return _key_of(head, field)


def series_keys(heads: Sequence[str], fields: Sequence[str]) -> list[str]:
    """Return the keys of fields, each beside the head of its line; raises InvalidName, InvalidTags."""
    if max(map(len, heads), default=0) + max(map(len, fields), default=0) <= REMEMBERED_CHARS:
        return list(map(_remembered_key, heads, fields))
    return list(map(series_key, heads, fields))


@lru_cache(REMEMBERED_KEYS)
def _remembered_key(head: str, field: str) -> str:
    return _key_of(head, field)


def _key_of(head: str, field: str) -> str:
    if len(head) > TEXT_MAX_CHARS:
        raise InvalidTags("Measurement and tags are far too long.")
    measurement, *tags = _parts_of(head)
    name = measurement if not measurement or field == MAIN_FIELD else f"{measurement}.{field}"
    return door_key(_unescaped(name), [_pair_of(tag) for tag in tags])


def _parts_of(head: str) -> Iterator[str]:
    """Yield what stands between the commas that are not escaped."""
    for found in _PART.finditer(head):
        yield found[1]
        if not found[2]:
            return


def _pair_of(tag: str) -> tuple[str, str]:
    found = _PAIR.fullmatch(tag)
    if not found:
        raise InvalidTags("A tag is written as name=value.")
    return _unescaped(found[1]), _unescaped(found[2])


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(r"\1", text) if "\\" in text else text
