"""Globs over paths as bytes: `*` within a part, `**` over parts, on the whole path (projects.md section 1).

Patterns come from people and repositories, so matching takes no more than quadratic time: everything between
two stars is matched once, at the first place where it fits (an atomic group), which is enough because the
star after it takes whatever follows.
"""

import functools
import re
from collections.abc import Iterable
from typing import Final

_TOKEN: Final = re.compile(rb"\*\*/|\*\*|\*|[^*]+")
NOTHING: Final = re.compile(rb"(?!)")


@functools.lru_cache(maxsize=256)
def compile_globs(patterns: tuple[str, ...]) -> "re.Pattern[bytes]":
    """Return an expression that fully matches what one of the patterns does."""
    if not patterns:
        return NOTHING
    return re.compile(b"|".join(_expression(pattern.encode()) for pattern in patterns), re.DOTALL)


def is_matched(patterns: Iterable[str], path: bytes) -> bool:
    """Tell whether one of the patterns matches the whole path."""
    return compile_globs(tuple(patterns)).fullmatch(path) is not None


def _expression(pattern: bytes) -> bytes:
    stars = {b"*": b"[^/]*", b"**": b".*", b"**/": b"(?:.*/)?"}
    return b"".join(stars.get(token) or re.escape(token) for token in _TOKEN.findall(pattern))
