"""Markdown in which the text of a stranger is nothing but text."""

import re
from typing import Final

# Everything that means something to Markdown or HTML outside code.
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]()#+!|>~$&<-])")
_TICKS: Final = re.compile(r"`+")


def plain(text: str) -> str:
    """Return text on one line that reads as it stands."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def code(text: str) -> str:
    """Return text on one line as code; its own backticks end nothing."""
    flat = " ".join(text.split())
    if not flat:
        return ""
    fence = "`" * (_longest_ticks(flat) + 1)
    pad = " " if flat.startswith("`") or flat.endswith("`") else ""
    return f"{fence}{pad}{flat}{pad}{fence}"


def block(text: str, language: str = "text") -> str:
    """Return text as a fenced block."""
    fence = "`" * max(3, _longest_ticks(text) + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def _longest_ticks(text: str) -> int:
    return max((len(found) for found in _TICKS.findall(text)), default=0)
