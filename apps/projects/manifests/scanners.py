"""Definition lines by language: what a manifest's `symbols` is the digest of. Pure."""

import hashlib
import re
from collections.abc import Mapping
from typing import Final

# Longer texts have no `symbols`.
SCAN_MAX_BYTES: Final = 4 * 1024**2

# Each expression begins with the line end before its line: searching for that byte is fast.
_PYTHON: Final = re.compile(rb"\n([ \t]*)(?:async[ \t]+)?(def|class)[ \t]+([A-Za-z_\x80-\xff][\w\x80-\xff]*)")
SCANNERS: Final[Mapping[str, "re.Pattern[bytes]"]] = {"Python": _PYTHON}


def symbols_digest(language: str, text: bytes) -> str:
    """Return the hex SHA-256 over (kind, name, indent) of the definition lines, empty if there are none.

    `text` is in an encoding whose ASCII is ASCII.
    """
    scanner = SCANNERS.get(language)
    if scanner is None:
        return ""
    found = [(kind, name, indent) for indent, kind, name in scanner.findall(b"\n" + text)]
    if not found:
        return ""
    lines = [b"%s\t%s\t%d\n" % (kind, name, len(indent)) for kind, name, indent in found]
    return hashlib.sha256(b"".join(lines)).hexdigest()
