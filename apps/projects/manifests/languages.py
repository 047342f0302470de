"""Which language a file is in: by its name, its extension, its first line. Pure.

Part of what GENERATOR names: whoever changes a table raises it.
"""

from collections.abc import Mapping
from typing import Final

_NAMES: Final[Mapping[str, str]] = {"dockerfile": "Dockerfile", "makefile": "Makefile"}
_EXTENSIONS: Final[Mapping[str, str]] = {"py": "Python", "js": "JavaScript", "md": "Markdown"}
_INTERPRETERS: Final[Mapping[str, str]] = {"python": "Python", "sh": "Shell", "bash": "Shell"}


def language_by_name(path: bytes) -> str:
    """Return the language that a file's name says, empty if it says none."""
    name = path.rpartition(b"/")[2].decode("ascii", "replace").lower()
    return _NAMES.get(name) or _EXTENSIONS.get(name.rpartition(".")[2], "")


def language_by_shebang(shebang: str) -> str:
    """Return the language of an interpreter, say of `python3.11`; empty if it is not known."""
    return _INTERPRETERS.get(shebang.rstrip("0123456789."), "")
