"""The text of a source file, and which byte a line and column are.

Line ends are those of Python and git's viewers: CR LF, CR or LF; a form feed ends no line.
"""

import codecs
import re
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

LINE_END: Final = re.compile(r"\r\n|\r|\n")
BOMS: Final = {"utf-8": codecs.BOM_UTF8}


class NotText(Exception):
    """The bytes are not text of this encoding, or do not come back from it unchanged."""


@dataclass(frozen=True, slots=True)
class Text:
    """Decoded lines without their ends, and the byte at which each line starts."""

    lines: tuple[str, ...]
    starts: tuple[int, ...]
    codec: str

    @property
    def plain(self) -> str:
        """Return the text with LF alone as line end and without a byte order mark."""
        return "\n".join(self.lines)

    def offset(self, line: int, column: int) -> int:
        """Return the byte of a position; both count from 1, columns in code points."""
        return self.starts[line - 1] + len(self.lines[line - 1][: column - 1].encode(self.codec))

    def can_hold(self, name: str) -> bool:
        """Tell whether the encoding has bytes for the name."""
        try:
            name.encode(self.codec)
        except UnicodeEncodeError:
            return False
        return True


def codec_name(encoding: str) -> str:
    """Return the plain codec of an encoding: a byte order mark is the file's, never an edit's.

    Raises NotText for an unknown one, and for those in which ASCII is not itself (UTF-16, EBCDIC).
    """
    try:
        name = codecs.lookup(encoding).name
        plain = "utf-8" if name in {"utf-8-sig", "ascii"} else name
        if "\n#az_09".encode(plain) != b"\n#az_09":
            raise NotText(encoding)
    except (LookupError, UnicodeError) as error:
        raise NotText(encoding) from error
    return plain


def read_text(content: bytes, encoding: str) -> Text:
    """Decode a file; raises NotText also where writing it again would change bytes that nobody edits."""
    codec = codec_name(encoding)
    bom = BOMS.get(codec, b"")
    skipped = len(bom) if bom and content.startswith(bom) else 0
    try:
        whole = content[skipped:].decode(codec)
        if whole.encode(codec) != content[skipped:]:
            raise NotText(encoding)
    except UnicodeError as error:
        raise NotText(encoding) from error
    parts = re.split(f"({LINE_END.pattern})", whole)
    sizes = (
        len(f"{line}{end}".encode(codec)) for line, end in zip(parts[::2], [*parts[1::2], ""], strict=True)
    )
    starts = tuple(accumulate(sizes, initial=skipped))[:-1]
    return Text(lines=tuple(parts[::2]), starts=starts, codec=codec)
