"""The paths of entries: what is a plain relative path, and which two are twins."""

import re
import unicodedata
from typing import Final

from apps.common.archives.errors import ArchiveDuplicate, ArchiveTooDeep, ArchiveUnsafePath

NAME_CHARS: Final = 1024
QUOTED_CHARS: Final = 80

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DRIVE = re.compile(r"[A-Za-z]:")


def quoted(name: str) -> str:
    """Return a name for an error's detail: short, and with nothing in it that could act."""
    return ascii(name if len(name) <= QUOTED_CHARS else name[:QUOTED_CHARS] + "...")


def decode_name(raw: bytes, *, is_utf8: bool) -> str:
    """Return an entry's path; raises ArchiveUnsafePath if it claims to be UTF-8 and is not.

    Without the claim UTF-8 is tried first, since macOS writes it so, then the format's own code page 437.
    """
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        if is_utf8:
            raise ArchiveUnsafePath("An entry's path is not valid UTF-8.") from None
        return raw.decode("cp437")


def check_path(name: str, *, depth: int) -> None:
    """Raise ArchiveUnsafePath or ArchiveTooDeep unless `name` is a plain relative path."""
    parts = name.removesuffix("/").split("/")
    if (
        len(name) > NAME_CHARS
        or _CONTROL.search(name)
        or _DRIVE.match(name)
        or "\\" in name
        or any(part in {"", ".", ".."} for part in parts)
    ):
        raise ArchiveUnsafePath(f"The path {quoted(name)} is not a plain relative one.")
    if len(parts) > depth:
        raise ArchiveTooDeep(f"The path {quoted(name)} is deeper than {depth} levels.")


def _folded(name: str) -> str:
    """Return what is left of a name when case and the form of accents do not count."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def check_twins(names: list[str]) -> None:
    """Raise ArchiveDuplicate if two paths are the same, or one is a file and another lies inside it."""
    seen: dict[str, str] = {}
    for name in names:
        key = _folded(name.removesuffix("/"))
        if key in seen:
            raise ArchiveDuplicate(f"The paths {quoted(seen[key])} and {quoted(name)} are the same.")
        seen[key] = name
    for key, name in seen.items():
        above = key
        while "/" in above:
            above = above.rpartition("/")[0]
            if not seen.get(above, "/").endswith("/"):
                raise ArchiveDuplicate(f"{quoted(seen[above])} is a file and holds {quoted(name)}.")
