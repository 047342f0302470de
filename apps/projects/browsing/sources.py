"""A file's lines as safe HTML: coloured, each with an anchor of its own."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from apps.common.answers import Answer, answer_key, cached_answer
from apps.projects.analysis.highlighting import CLASSES
from apps.projects.analysis.isolated import EngineFailed, EngineLimits, EngineTimeout, run_isolated
from apps.projects.reading.content import SourceFile, split_lines

HIGHLIGHTED_MAX_CHARS: Final = 256 * 1024
LINES_SHOWN: Final = 5_000
LINE_MAX_CHARS: Final = 2_000
KEPT_S: Final = 24 * 3_600
HIGHLIGHTER: Final = "apps.projects.analysis.highlighting"
LIMITS: Final = EngineLimits(memory_bytes=512 * 1024**2, cpu_s=3, wall_s=5.0)
CLASS_NAMES: Final = frozenset({"", *(name for _prefix, name in CLASSES)})

Line = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class ShownSource:
    """Some lines of a file: those from `first` to `last`, of `total`; `html` is theirs.

    `is_plain` says that the colours are missing, `is_cut` that a line is longer than what is shown.
    """

    html: SafeString
    first: int
    last: int
    total: int
    is_plain: bool
    is_cut: bool

    @property
    def next_start(self) -> int | None:
        """Return where the lines go on, None at the end."""
        return self.last + 1 if self.last < self.total else None

    @property
    def previous_start(self) -> int | None:
        """Return where the lines before begin, None at the start."""
        return max(1, self.first - LINES_SHOWN) if self.first > 1 else None


def show_source(file: SourceFile, *, start: int) -> ShownSource:
    """Return the lines of a text file from `start` on, as many as a page shows."""
    texts = [line.rstrip("\r\n") for line in split_lines(file.content or "")]
    first = min(max(1, start), max(1, len(texts)))
    last = min(len(texts), first + LINES_SHOWN - 1)
    coloured = _coloured(file, texts)
    lines = coloured or [[("", text)] for text in texts]
    shown = lines[first - 1 : last]
    return ShownSource(
        html=_html(shown, first),
        first=first,
        last=last,
        total=len(texts),
        is_plain=coloured is None,
        is_cut=any(len(text) > LINE_MAX_CHARS for text in texts[first - 1 : last]),
    )


def _coloured(file: SourceFile, texts: Sequence[str]) -> list[Line] | None:
    """Return the tokens of all lines; None where the text is too long, or its lexer gave up."""
    text = "\n".join(texts)
    if len(text) > HIGHLIGHTED_MAX_CHARS:
        return None
    question = json.dumps([file.name, file.language])
    key = answer_key("projects", "colours", [file.blob_id], question)
    answer = cached_answer(key, lambda: _split(file, text), ttl_s=KEPT_S)
    lines = [[(str(name), str(part)) for name, part in line] for line in json.loads(answer.body)]
    # An empty last line has no token; anything else would show other lines than the file has.
    lines += [[] for _ in range(len(texts) - len(lines))]
    return lines if ["".join(part for _, part in line) for line in lines] == list(texts) else None


def _split(file: SourceFile, text: str) -> Answer:
    """Return the tokens as JSON, none where the lexer gave up: it would do so each time."""
    asked = {"name": file.name, "language": file.language or "", "text": text}
    try:
        tokens = run_isolated(HIGHLIGHTER, json.dumps(asked).encode(), limits=LIMITS)
    except (EngineTimeout, EngineFailed):
        tokens = b"[]"
    return Answer.of(tokens, "application/json")


def _html(lines: Sequence[Line], first: int) -> SafeString:
    rows = [_row(number, line) for number, line in enumerate(lines, first)]
    return mark_safe("".join(rows))  # noqa: S308 - every text in it was escaped


def _row(number: int, line: Line) -> str:
    anchor = f'<a href="#L{number}" data-line="{number}" aria-label="Line {number}"></a>'
    return f'<span class="line" id="L{number}">{anchor}<code>{_tokens(line)}\n</code></span>'


def _tokens(line: Line) -> str:
    left, parts = LINE_MAX_CHARS, []
    for name, text in line:
        shown = escape(text[:left])
        left -= min(left, len(text))
        is_coloured = name and name in CLASS_NAMES
        parts.append(f'<span class="tok-{name}">{shown}</span>' if is_coloured else shown)
    return "".join(parts)
