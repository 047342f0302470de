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


# A model's Markdown: what would be followed, loaded or run becomes text.
_LINK: Final = re.compile(r"!?\[([^\[\]\n]{0,500})\]\(([^()\s]{0,2000})(?:\s+[^()\n]{0,500})?\)")
_REFERENCE_LINK: Final = re.compile(r"!?\[([^\[\]\n]{0,500})\]\[[^\[\]\n]{0,200}\]")
_DEFINITION: Final = re.compile(r"(?m)^[ ]{0,3}\[[^\[\]\n]{1,200}\]:[^\n]{0,2000}$")
_SCHEME: Final = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{0,20})://")
# The bracket that a link, a picture or a definition needs, whatever stands in it: with a space it makes none.
_CLOSING: Final = re.compile(r"\](?=[(\[:])")
_WWW: Final = re.compile(r"(?i)\bwww\.(?=\w)")
_HARMFUL: Final = re.compile(r"(?i)\b(javascript|data|vbscript|file)\s{0,5}:")


def sanitise(text: str) -> str:
    """Return Markdown without HTML, links and images; their addresses stay, as text that leads nowhere."""
    text = _DEFINITION.sub("", text)
    # Twice, because a picture may stand inside a link.
    for _ in range(2):
        text = _LINK.sub(lambda match: f"{match[1]} ({match[2]})" if match[2] else match[1], text)
        text = _REFERENCE_LINK.sub(r"\1", text)
    # What those patterns do not see, as brackets in an address, two lines or a quoted definition.
    text = _CLOSING.sub("] ", text)
    text = _HARMFUL.sub(r"\1&#58;", text)
    # Renderers make a link of a bare address, too.
    text = _SCHEME.sub(r"\1&#58;//", text)
    text = _WWW.sub("www&#46;", text)
    return text.replace("<", "&lt;").replace("\0", "")
