"""What the bytes of a blob say, whatever their name: encoding, line ends, binary, digest. Pure.

Part of what GENERATOR names: whoever changes an answer for the same bytes raises it.
"""

import codecs
import hashlib
import re
from collections.abc import Mapping
from typing import Final

from apps.projects.manifests.values import Facts

# As git does, but that it looks at the same bytes of UTF-16.
BINARY_LOOK_BYTES: Final = 8_000
LFS_POINTER_MAX_BYTES: Final = 1_024
UNKNOWN: Final = "unknown-8bit"

_UTF16: Final[Mapping[bytes, tuple[str, str]]] = {
    codecs.BOM_UTF16_LE: ("utf-16le", "utf-16-le"),
    codecs.BOM_UTF16_BE: ("utf-16be", "utf-16-be"),
}
_COOKIE: Final = re.compile(rb"[ \t\f]*#[^\r\n]*?coding[:=][ \t]*([-\w.]{1,40})")
_BLANK: Final = re.compile(rb"[ \t\f]*(?:#[^\r\n]*)?(?:\r\n|\r|\n)")
_SHEBANG: Final = re.compile(rb"#![ \t]*([^\s]{1,200})(?:[ \t]+([^\r\n]{1,200}))?")
_INTERPRETER: Final = re.compile(r"[A-Za-z][\w.+-]{0,79}", re.ASCII)
_LFS: Final = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n"
    rb"(?:ext-[^\n]{1,200}\n){0,10}oid sha256:[0-9a-f]{64}\nsize ([0-9]{1,18})\n?"
)

# A table of our own: what Python knows by which name depends on its version, and not all of it is text.
_DECLARED: Final[Mapping[str, tuple[str, ...]]] = {
    **{f"iso-8859-{part}": (f"iso8859-{part}",) for part in (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 16)},
    **{f"windows-{page}": (f"cp{page}",) for page in range(1250, 1259)},
    **{f"cp{page}": (f"ibm{page}",) for page in (437, 850, 852, 855, 858, 866)},
    "iso-8859-1": ("iso8859-1", "latin-1", "latin1", "l1", "latin"),
    "iso-8859-15": ("iso8859-15", "latin-9", "latin9"),
    "koi8-r": (),
    "koi8-u": (),
    "mac-roman": ("macroman",),
    "euc-jp": ("eucjp",),
    "shift-jis": ("shiftjis", "sjis"),
    "cp932": ("windows-31j", "ms932"),
    "gb2312": ("euc-cn",),
    "gbk": ("cp936",),
    "gb18030": (),
    "big5": (),
    "euc-kr": ("euckr",),
    "cp949": ("uhc",),
}
COOKIE_CODECS: Final[Mapping[str, str]] = {
    alias: codec for codec, aliases in _DECLARED.items() for alias in (codec, *aliases)
}


def facts_of(content: bytes) -> Facts:
    """Return the facts of a whole blob; `symbols` stays empty."""
    scan = FactScan()
    scan.feed(content)
    return scan.facts()


def text_of(content: bytes, facts: Facts) -> str:
    """Return the decoded text of a blob, without its mark; what is in no known encoding reads as latin-1."""
    if facts.encoding in {"utf-16le", "utf-16be"}:
        return content[2:].decode(facts.encoding)
    if facts.encoding in {"ascii", "utf-8"}:
        return content.removeprefix(codecs.BOM_UTF8).decode()
    return content.decode("latin-1" if facts.encoding in {UNKNOWN, ""} else facts.encoding)


class FactScan:
    """Facts of a blob that comes in pieces; the first holds BINARY_LOOK_BYTES, or all there is."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._size_bytes = 0
        self._first = b""
        self._is_ascii = True
        self._is_binary = False
        self._ends = _Ends()
        self._utf8 = _Decoding("utf-8")
        self._declared: _Decoding | None = None
        self._utf16_ends = _Ends()

    def feed(self, piece: bytes) -> None:
        """Take the next piece."""
        if not self._size_bytes:
            self._begin(piece)
        self._digest.update(piece)
        self._size_bytes += len(piece)
        if self._is_binary:
            return
        # A mark is no line.
        self._ends.feed(piece if self._size_bytes != len(piece) else piece.removeprefix(codecs.BOM_UTF8))
        is_ascii = piece.isascii()
        if not is_ascii or not self._is_ascii:
            self._utf8.feed(piece)
        self._is_ascii = self._is_ascii and is_ascii
        if self._declared is not None:
            self._feed_declared(piece)

    def facts(self) -> Facts:
        """Return what all pieces together say."""
        digest = self._digest.digest()
        if self._is_binary:
            return Facts(self._size_bytes, digest, is_binary=True)
        encoding = self._encoding()
        ends = self._utf16_ends if encoding.startswith("utf-16") else self._ends
        return Facts(
            size_bytes=self._size_bytes,
            sha256=digest,
            lines=ends.lines(),
            encoding=encoding,
            eol=ends.kind(),
            has_bom=encoding.startswith("utf-16") or self._first.startswith(codecs.BOM_UTF8),
            shebang=shebang_of(self._first),
            lfs_size_bytes=lfs_size_of(self._first) if self._size_bytes == len(self._first) else None,
        )

    def _begin(self, piece: bytes) -> None:
        self._first = piece[:BINARY_LOOK_BYTES]
        mark = _UTF16.get(piece[:2])
        if mark is not None:
            self._declared = _Decoding(mark[1])
        elif b"\0" in self._first:
            self._is_binary = True
        elif codec := cookie_of(self._first):
            self._declared = _Decoding(codec)

    def _feed_declared(self, piece: bytes) -> None:
        assert self._declared is not None  # noqa: S101 - asked by the caller
        text = self._declared.feed(piece)
        if self._is_utf16:
            self._utf16_ends.feed(text.removeprefix("\ufeff").encode())

    @property
    def _is_utf16(self) -> bool:
        return self._first[:2] in _UTF16

    def _encoding(self) -> str:
        is_declared = self._declared is not None and self._declared.is_whole()
        if self._is_utf16:
            return _UTF16[self._first[:2]][0] if is_declared else UNKNOWN
        if self._is_ascii:
            return "ascii"
        if self._utf8.is_whole():
            return "utf-8"
        return self._declared.codec if self._declared is not None and is_declared else UNKNOWN


class _Decoding:
    """One codec over all pieces, until it meets what it cannot read."""

    def __init__(self, codec: str) -> None:
        self.codec = codec
        self._decoder = codecs.getincrementaldecoder(codec)()
        self._is_good = True

    def feed(self, piece: bytes) -> str:
        if not self._is_good:
            return ""
        try:
            return self._decoder.decode(piece)
        except UnicodeDecodeError:
            self._is_good = False
            return ""

    def is_whole(self) -> bool:
        """Tell whether all was read, to the end of the last character."""
        try:
            self._decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
        return self._is_good


class _Ends:
    """Counts line ends; a CR LF may be cut between two pieces."""

    def __init__(self) -> None:
        self._crlf = self._lf = self._cr = 0
        self._last = b""

    def feed(self, piece: bytes) -> None:
        if not piece:
            return
        crlf = 0
        if b"\r" in piece:
            crlf = piece.count(b"\r\n")
            self._cr += piece.count(b"\r") - crlf
        self._lf += piece.count(b"\n") - crlf
        self._crlf += crlf
        if self._last == b"\r" and piece[:1] == b"\n":
            self._cr, self._lf, self._crlf = self._cr - 1, self._lf - 1, self._crlf + 1
        self._last = piece[-1:]

    def lines(self) -> int:
        """Return the number of lines, a last one without an end among them."""
        return self._crlf + self._lf + self._cr + (self._last not in {b"", b"\n", b"\r"})

    def kind(self) -> str:
        found = [name for name in ("crlf", "lf", "cr") if getattr(self, f"_{name}")]
        if len(found) > 1:
            return "mixed"
        return found[0] if found else "none"


def cookie_of(first: bytes) -> str:
    """Return the codec that a cookie (PEP 263) in the first two lines names, empty if it is not known."""
    found = _COOKIE.match(first)
    if found is None and (blank := _BLANK.match(first)):
        found = _COOKIE.match(first, blank.end())
    if found is None:
        return ""
    return COOKIE_CODECS.get(found[1].decode().lower().replace("_", "-"), "")


def shebang_of(first: bytes) -> str:
    """Return the bare name of the interpreter that the first line names, say `python3`; else empty."""
    found = _SHEBANG.match(first) if first.startswith(b"#!") else None
    if found is None:
        return ""
    words = [found[1], *(found[2] or b"").split()]
    name = _basename(words[0])
    if name == "env":
        # `env -S python3 -u`, `env LANG=C python3`: the first word that is no option and sets nothing.
        rest = [word for word in words[1:] if not word.startswith(b"-") and b"=" not in word]
        name = _basename(rest[0]) if rest else ""
    return name if _INTERPRETER.fullmatch(name) else ""


def lfs_size_of(content: bytes) -> int | None:
    """Return the size of the object that an LFS pointer names; None for what is no pointer."""
    if len(content) > LFS_POINTER_MAX_BYTES or not content.startswith(b"version "):
        return None
    found = _LFS.fullmatch(content)
    return int(found[1]) if found else None


def _basename(word: bytes) -> str:
    return word.rpartition(b"/")[2].decode("ascii", "replace")
