"""JSON bodies of points, strictly read where the typed decoder gives up.

The platform's rules hold (depth, no NaN, no NUL, no half surrogate), but a repeated key takes its last value.
"""

import json
from typing import Any, Final

import msgspec
import numpy as np

from apps.common.errors import Malformed, TooLarge
from apps.common.requests import JSON_MAX_DEPTH, check_value, refuse_constant

# More than 10,000 points of 32 tags can have. Each part costs up to a hundred bytes once it is decoded, so
# without a bound a body of 32 MiB would take gigabytes.
MAX_PARTS: Final = 500_000
# Longer numbers are beyond every value and time, and slow to read exactly.
MAX_DIGITS: Final = 300

_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_elements: Final = msgspec.json.Decoder(list[msgspec.Raw])


def check_parts(body: bytes) -> None:
    """Refuse a body of too many numbers, texts and objects; raises TooLarge."""
    if len(body) <= 2 * MAX_PARTS or body.count(b",") <= MAX_PARTS:
        return
    if _commas_outside_texts(body) > MAX_PARTS:
        raise TooLarge(f"The body has more than {MAX_PARTS} parts.")


def check_nul(body: bytes) -> None:
    """Refuse an escaped NUL, which the typed decoder lets pass; raises Malformed."""
    if b"\\u0000" in body:
        read_document(body)


def read_members(raw: bytes) -> dict[str, msgspec.Raw]:
    """Return an object's members undecoded; raises Malformed."""
    try:
        raw.decode()
        return _members.decode(raw)
    except msgspec.ValidationError as error:
        raise Malformed("The body must be a JSON object.") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(error) from error


def read_elements(raw: bytes) -> list[msgspec.Raw] | None:
    """Return a list's elements undecoded, None if it is no list; raises Malformed."""
    try:
        return _elements.decode(raw)
    except msgspec.ValidationError:
        return None
    except (msgspec.DecodeError, RecursionError) as error:
        raise _malformed(error) from error


def read_document(raw: bytes, depth: int = 1) -> Any:
    """Return the value of a JSON document that stands `depth` levels deep in the body; raises Malformed.

    Numbers beyond a float become infinite: what they stand for decides what that means.
    """
    try:
        value = json.loads(raw.decode(), parse_int=_integer, parse_constant=refuse_constant)
        check_value(value, depth)
    except (ValueError, RecursionError) as error:
        raise _malformed(error) from error
    return value


def _commas_outside_texts(body: bytes) -> int:
    characters = np.frombuffer(body.replace(b"\\\\", b"").replace(b'\\"', b""), np.uint8)
    # Only whether the number of quotes so far is odd matters, so that it may overflow.
    quotes = np.cumsum(characters == ord('"'), dtype=np.uint8)
    return int(np.count_nonzero((characters == ord(",")) & (quotes % 2 == 0)))


def _malformed(error: Exception) -> Malformed:
    if isinstance(error, RecursionError):
        return Malformed(f"The JSON is nested deeper than {JSON_MAX_DEPTH} levels.")
    return Malformed(f"The body is not valid JSON: {error}")


def _integer(text: str) -> int | float:
    return int(text) if len(text) <= MAX_DIGITS else float(text)
