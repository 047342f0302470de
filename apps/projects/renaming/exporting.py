"""Lay the Python files of the sources into a private folder, for engines that read folders."""

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from apps.projects.renaming.texts import Text

# The files lie there as UTF-8, whatever they say of themselves.
COOKIE: Final = re.compile(r"^([ \t\f]*#.*?)coding([:=])")
COOKIE_LINES: Final = 2


@contextmanager
def exported(texts: Mapping[str, Text]) -> Iterator[Path]:
    """Write the files with LF as line end; the folder is ours alone and goes at the end.

    Paths were vetted when the files were selected. What is hidden stays out: no tool finds settings there.
    """
    with tempfile.TemporaryDirectory(prefix="rename-") as name:
        root = Path(name)
        # mkdtemp makes it so; said again because all rests on it.
        root.chmod(0o700)
        for path, text in texts.items():
            if any(part.startswith(".") for part in path.split("/")):
                continue
            place = root / path
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            with os.fdopen(os.open(place, flags, 0o600), "w", encoding="utf-8", newline="") as file:
                file.write(without_cookie(text))
        yield root


def without_cookie(text: Text) -> str:
    """Return the text with a coding cookie made ineffective; every column stays."""
    head = [COOKIE.sub(r"\1c0ding\2", line) for line in text.lines[:COOKIE_LINES]]
    return "\n".join([*head, *text.lines[COOKIE_LINES:]])
