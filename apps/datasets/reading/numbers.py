"""Decimal numbers as people write them: exact for single values, doubles for arrays, with one grammar."""

import re
from decimal import Decimal
from typing import Any, Final

import numpy as np
import pyarrow as pa

from apps.datasets.reading.arrow import compute as pc
from apps.datasets.reading.rows import Bools, Floats
from apps.datasets.reading.texts import WHITESPACE, trim

_NUMBER: Final = re.compile(r"[+-]?(?P<digits>\d+\.?\d*|\.\d+)(?:[eE](?P<exponent>[+-]?\d+))?", re.ASCII)
_PLAIN: Final = r"^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,6})?$"
_MINUS: Final = "\u2212"
_EXPONENT_MAX_CHARS: Final = 7


def parse_number(text: str, decimal: str) -> Decimal | None:
    """Read a number with this decimal sign; None for anything else, also for infinity and "not a number"."""
    text = text.strip(WHITESPACE)
    if _MINUS in text:
        text = text.replace(_MINUS, "-")
    if decimal != ".":
        if "." in text:
            return None
        text = text.replace(decimal, ".")
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    exponent = match["exponent"] or ""
    if len(exponent) > _EXPONENT_MAX_CHARS:  # beyond every double; Decimal would refuse some of these
        return Decimal(0) if exponent[0] == "-" or not match["digits"].strip("0.") else Decimal("Infinity")
    return Decimal(text)


def parse_numbers(texts: pa.StringArray, decimal: str) -> tuple[Floats, Bools]:
    """Read an array: doubles, and which rows were read. Some that `parse_number` reads may be left."""
    plain: Any = pc.replace_substring(trim(texts), _MINUS, "-")
    if decimal != ".":
        plain = pc.if_else(pc.match_substring(plain, "."), pa.scalar(None, pa.string()), plain)
        plain = pc.replace_substring(plain, decimal, ".")
    fits: Any = pc.match_substring_regex(plain, _PLAIN).fill_null(False)
    numbers: Any = pc.cast(pc.if_else(fits, plain, pa.scalar("0")), pa.float64())
    doubles = np.asarray(numbers, np.float64)
    read = np.asarray(fits) & np.isfinite(doubles)
    return np.where(read, doubles, 0.0), read
