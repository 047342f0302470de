"""Keys of entities and signals: the same thing in two runs has the same key (the only place that makes them).

A key is the SHA-256 of a canonical text, its first 16 bytes as a UUIDv8. The text is JSON without spaces,
NFC, dimensions sorted by name, every value a text or null: order, number or text, and the form of an accent
make no difference.
"""

import hashlib
import math
import unicodedata
from collections.abc import Iterable
from typing import Final, TypeAlias
from uuid import UUID

import orjson

Scalar: TypeAlias = str | int | float | bool | None
Dimensions: TypeAlias = list[tuple[str, str | None]]

SCHEME: Final = "sx1"
# From here on a whole number is written with an exponent, as in ECMAScript.
LARGEST_PLAIN: Final = 10**21
VERSION_MASK: Final = ~(0xF000 << 64)
VERSION_8: Final = 0x8000 << 64
VARIANT_MASK: Final = ~(0xC000 << 48)
VARIANT_RFC: Final = 0x8000 << 48


def canonical_text(value: Scalar) -> str | None:
    """Return a value of JSON as text in NFC: 12.0 is "12", True is "true"; null and NaN are None."""
    if isinstance(value, str):
        return value if value.isascii() else unicodedata.normalize("NFC", _without_surrogates(value))
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return _number_text(value)


def _number_text(value: float) -> str | None:
    if -LARGEST_PLAIN < value < LARGEST_PLAIN:
        return str(int(value)) if value == int(value) else repr(float(value))
    try:
        return repr(float(value)) if math.isfinite(value) else None
    except OverflowError:  # an integer beyond every double
        return str(value)


def _without_surrogates(text: str) -> str:
    """Return the text in which half a pair of surrogates, which UTF-8 cannot hold, is a replacement mark."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return text


def canonical_dimensions(dimensions: Iterable[tuple[str, Scalar]]) -> Dimensions:
    """Return (name, text or null) sorted by name: the entity without its facility and system."""
    pairs = [(canonical_text(name) or "", canonical_text(value)) for name, value in dimensions]
    if len(pairs) > 1:
        pairs.sort(key=_by_name)
    return pairs


def _by_name(pair: tuple[str, str | None]) -> tuple[str, str]:
    return pair[0], pair[1] or ""


def signal_key(
    graph: str, metric_id: str, node_id: str, facility_id: Scalar, dimensions: Iterable[tuple[str, Scalar]]
) -> UUID:
    """Return the key of a signal: what one node says of one entity, over all runs of the graph."""
    return _key(
        [
            SCHEME,
            canonical_text(graph),
            canonical_text(metric_id),
            canonical_text(node_id),
            canonical_text(facility_id),
            canonical_dimensions(dimensions),
        ]
    )


def entity_hash(facility_id: Scalar, dimensions: Iterable[tuple[str, Scalar]]) -> UUID:
    """Return the key of an entity, equal in all nodes and graphs."""
    return _key([SCHEME, canonical_text(facility_id), canonical_dimensions(dimensions)])


def _key(parts: list[object]) -> UUID:
    number = int.from_bytes(hashlib.sha256(orjson.dumps(parts)).digest()[:16], "big")
    return UUID(int=number & VERSION_MASK & VARIANT_MASK | VERSION_8 | VARIANT_RFC)
