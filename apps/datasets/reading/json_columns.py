"""Columns of texts to JSON objects as text, one per row, equal to what `json.dumps` makes of the dict."""

import json
from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa

from apps.datasets.reading.arrow import compute as pc

_ESCAPED: Final = r'["\\\x00-\x1f]'


def join_objects(columns: Mapping[str, pa.StringArray], count: int) -> pa.StringArray:
    """Return one object per row with the texts that are not empty in column order, null where all are."""
    if not columns:
        return pa.nulls(count, pa.string())
    members = [_members(name, texts) for name, texts in columns.items()]
    joined: Any = pc.binary_join_element_wise(*members, "")
    objects: Any = pc.binary_join_element_wise("{", pc.utf8_slice_codeunits(joined, 1), "}", "")
    none: Any = pc.equal(pc.binary_length(joined), 0)
    texts: pa.StringArray = pc.if_else(none, pa.scalar(None, pa.string()), objects)
    return texts


def _members(name: str, texts: pa.StringArray) -> Any:
    """Return `,"name":"text"` per row, empty for an empty text."""
    key = "," + json.dumps(name, ensure_ascii=False) + ':"'
    if pc.any(pc.match_substring_regex(texts, _ESCAPED)).as_py():
        encoded = texts.dictionary_encode()
        escaped = [json.dumps(text, ensure_ascii=False)[1:-1] for text in encoded.dictionary.to_pylist()]
        texts = pa.array(escaped, pa.string()).take(encoded.indices)
    filled = pc.binary_join_element_wise(key, texts, '"', "")
    return pc.if_else(pc.equal(pc.binary_length(texts), 0), "", filled)
