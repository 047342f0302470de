"""What every text tells by its lines: how many there are, what is still to do, whether a machine wrote it."""

import re
from typing import Final

from apps.projects.analysis.values import Mark, clean

TODO: Final = re.compile(rb"(?:#|//|/\*|\*|--|;|<!--|%)[ \t]*(TODO|FIXME|XXX|HACK)\b[ \t:]*([^\r\n]{0,200})")
TODOS_MAX: Final = 200
# A line of such a mean length was written by a program for a program.
MINIFIED_MEAN_BYTES: Final = 500
MINIFIED_FROM_BYTES: Final = 4_096


def count_lines(content: bytes) -> int:
    """Return how many lines there are; the last one counts without a line end, too."""
    ends = content.count(b"\n")
    return ends + (1 if content and not content.endswith(b"\n") else 0)


def find_todos(content: bytes) -> tuple[Mark, ...]:
    """Return the first marks of unfinished work in comments."""
    found = []
    line, seen = 1, 0
    for match in TODO.finditer(content):
        line += content.count(b"\n", seen, match.start())
        seen = match.start()
        text = clean(match[2].decode("utf-8", "replace").strip())
        found.append(Mark(kind=match[1].decode(), line=line, text=text))
        if len(found) == TODOS_MAX:
            break
    return tuple(found)


def is_minified(content: bytes, lines: int) -> bool:
    """Tell whether a text is meant for machines alone."""
    return len(content) >= MINIFIED_FROM_BYTES and len(content) > MINIFIED_MEAN_BYTES * max(lines, 1)
