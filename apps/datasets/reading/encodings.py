"""Which encoding a file is in: a byte-order mark decides, else strict UTF-8, else a person we advise."""

import codecs
import re
from dataclasses import dataclass
from typing import Any, Final

from charset_normalizer import from_bytes

from apps.datasets.reading.errors import DialectInvalid
from apps.datasets.reading.lines import detect_bom
from apps.datasets.reading.mapping import Dialect
from apps.datasets.reading.signatures import guess_wide

_DAMAGED: Final = re.compile("[\udc80-\udcff]")
_BEYOND_ASCII: Final = re.compile("[^\x00-\x7f\udc80-\udcff]")
_MOSTLY: Final = 10
_GUESS_BYTES: Final = 65_536
_EXCERPT_BYTES: Final = 40
_FALLBACK: Final = "cp1252"
# What the languages of western and northern Europe write beyond ASCII, in the code page of Windows.
_WESTERN: Final = frozenset(
    "àâäáãåæçéêëèïíîìñóôöòõøœßúûüùÿÀÂÄÁÃÅÆÇÉÊËÈÏÍÎÌÑÓÔÖÒÕØŒÜÛÚÙ€£§°´«»“”„‘’–—…¿¡ºª²³½¼¾\xa0"  # noqa: RUF001
)


@dataclass(frozen=True, slots=True)
class EncodingFound:
    """An encoding, whether it is sure, and why."""

    name: str
    is_decided: bool
    evidence: dict[str, Any]


class EncodingTrial:
    """Tries UTF-8 on a whole file, part by part."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="surrogateescape")
        self._bytes_seen = 0
        self.damaged_bytes = 0
        self.wide_characters = 0
        self.first_damage: int | None = None
        self.excerpt = b""

    def feed(self, part: bytes, *, final: bool = False) -> None:
        """Take the next bytes of the file."""
        pending = len(self._decoder.getstate()[0])
        text = self._decoder.decode(part, final)
        if not part.isascii() or pending:
            damaged = len(_DAMAGED.findall(text))
            self.wide_characters += len(_BEYOND_ASCII.findall(text))
            if damaged and self.first_damage is None:
                self._note_first(text, part, pending)
            self.damaged_bytes += damaged
        self._bytes_seen += len(part)

    def _note_first(self, text: str, part: bytes, pending: int) -> None:
        match = _DAMAGED.search(text)
        before = len(text[: match.start()].encode()) if match else 0
        self.first_damage = self._bytes_seen - pending + before
        at = max(before - pending, 0)
        self.excerpt = part[max(at - _EXCERPT_BYTES, 0) : at + _EXCERPT_BYTES]

    def result(self, start: bytes) -> EncodingFound:
        """Say what the file is in; `start` are its first bytes."""
        if bom := detect_bom(start):
            return EncodingFound(bom[0], True, {"reason": "byte_order_mark"})
        if wide := guess_wide(start[:4_096]):
            return EncodingFound(wide, False, {"reason": "nul_bytes_alternate"})
        if not self.damaged_bytes:
            return EncodingFound("utf-8", True, {"reason": "valid_utf8"})
        evidence: dict[str, Any] = {
            "reason": "invalid_utf8",
            "first_offset": self.first_damage,
            "invalid_bytes": self.damaged_bytes,
            "valid_wide_characters": self.wide_characters,
        }
        if self.wide_characters > self.damaged_bytes * _MOSTLY:
            return EncodingFound("utf-8", False, evidence)
        name = _guess(start[:_GUESS_BYTES] + self.excerpt)
        excerpt = self.excerpt.decode(name, errors="replace")
        return EncodingFound(name, False, {**evidence, "excerpt": excerpt})


def _is_western(lines: bytes) -> bool:
    """Tell whether the text is what western Europe writes, so that no guess by single letters is needed.

    Few accented letters read as well in other code pages: `naïve` is `naďve` in cp1250. In scripts that are
    not Latin most letters are beyond ASCII.
    """
    text = lines.decode(_FALLBACK, errors="replace")
    beyond = [letter for letter in text if not letter.isascii()]
    letters = sum(letter.isalpha() for letter in text)
    return set(beyond) <= _WESTERN and len(beyond) * 2 < letters


def _guess(sample: bytes) -> str:
    """Return the most likely encoding; western Europe's of Windows where it says the same text."""
    lines = b"".join(line for line in sample.splitlines(keepends=True) if not line.isascii())
    best = from_bytes(lines).best()
    if best is None or best.encoding.startswith(("utf", "ascii")):
        return _FALLBACK
    if _is_western(lines):
        return _FALLBACK
    try:
        return Dialect.from_json({"encoding": best.encoding}).encoding
    except DialectInvalid:
        return _FALLBACK
