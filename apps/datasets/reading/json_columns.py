"""Columns of texts to JSON objects as text, one per row, equal to what `json.dumps` makes of the dict."""

import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa

from apps.datasets.reading.arrow import compute as pc

_FIRST_PRINTABLE: Final = 0x20
_QUOTE: Final = ord('"')
_BACKSLASH: Final = ord("\\")


def join_objects(columns: Mapping[str, pa.StringArray], count: int) -> pa.StringArray:
    """Return one object per row with the texts that are not empty in column order, null where all are."""
    if not columns:
        return pa.nulls(count, pa.string())
    keys = [f'{json.dumps(name, ensure_ascii=False)}:"' for name in columns]
    texts = [_escaped(column) for column in columns.values()]
    empty = [pc.equal(pc.binary_length(column), 0) for column in texts]
    if not any(pc.any(places).as_py() for places in empty):
        return _joined_at_once(keys, texts)
    members = [_members(*parts) for parts in zip(keys, texts, empty, strict=True)]
    joined: Any = pc.binary_join_element_wise(*members, "")
    objects: Any = pc.binary_join_element_wise("{", pc.utf8_slice_codeunits(joined, 1), "}", "")
    none: Any = pc.equal(pc.binary_length(joined), 0)
    found: pa.StringArray = pc.if_else(none, pa.scalar(None, pa.string()), objects)
    return found


def _joined_at_once(keys: list[str], texts: list[pa.StringArray]) -> pa.StringArray:
    """Return objects in which no member is left out: a third of the time."""
    before = ["{" + keys[0], *(f'",{key}' for key in keys[1:])]
    pieces: list[Any] = [piece for pair in zip(before, texts, strict=True) for piece in pair]
    found: pa.StringArray = pc.binary_join_element_wise(*pieces, '"}', "")
    return found


def _members(key: str, texts: pa.StringArray, empty: Any) -> Any:
    """Return `,"name":"text"` per row, empty for an empty text."""
    return pc.if_else(empty, "", pc.binary_join_element_wise("," + key, texts, '"', ""))


def _escaped(texts: pa.StringArray) -> pa.StringArray:
    """Return texts as they stand between the quotes of JSON."""
    if not _needs_escapes(texts):
        return texts
    encoded = texts.dictionary_encode()
    escaped = [json.dumps(text, ensure_ascii=False)[1:-1] for text in encoded.dictionary.to_pylist()]
    found: pa.StringArray = pa.array(escaped, pa.string()).take(encoded.indices)
    return found


def _needs_escapes(texts: pa.StringArray) -> bool:
    """Tell whether a quote, a backslash or a control character is anywhere in the texts."""
    buffers: list[Any] = texts.buffers()
    _, ends, content = buffers
    if content is None:
        return False
    places = np.frombuffer(ends, np.int32)
    first, last = places[texts.offset], places[texts.offset + len(texts)]
    chars = np.frombuffer(content, np.uint8)[first:last]
    return bool(((chars < _FIRST_PRINTABLE) | (chars == _QUOTE) | (chars == _BACKSLASH)).any())
