"""What pages of projects show beyond single rows: results as HTML, proposals by buckets."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from django.utils.safestring import SafeString
from markdown_it import MarkdownIt

from apps.projects.documenting.results import Result
from apps.projects.models import Proposal, ProposalFile
from apps.projects.queries.proposals import Left
from apps.projects.states import Bucket

# The page has its own headings above those of a result.
HEADING_SHIFT: Final = 2
HEADING_LAST: Final = 6
EDITS_SHOWN: Final = 300
UNSCANNED_WORDS: Final[Mapping[str, str]] = {
    "limit": "beyond what one analysis reads: 2,000 files, 20 MiB, 20,000 occurrences",
    "time": "not reached in time",
    "memory": "more than the memory of an analysis holds",
    "does_not_parse": "that do not parse",
    "python_2": "written in Python 2",
    "encoding": "not in the encoding that they name",
    "binary": "with bytes that no text has",
    "missing": "without content here",
    "path": "with a path that is not read",
    "not_regular": "that are no regular files",
}


@dataclass(frozen=True, slots=True)
class SectionShown:
    """A part of a result, its text as HTML."""

    title: str
    html: SafeString
    anchors: Sequence[Any]


@dataclass(frozen=True, slots=True)
class FileShown:
    """A file of a proposal: how many of its edits there are by bucket, and the first of them."""

    row: ProposalFile
    path: str
    new_path: str
    certain: int
    unsure: int
    refused: int
    edits: Sequence[dict[str, Any]]
    left_out: int


def sections_of(result: Result) -> list[SectionShown]:
    """Return the parts of a result; all text was a stranger's or a model's and can do no harm as HTML."""
    whole = [SectionShown("", as_html(result.text_md), ())] if result.text_md else []
    return whole + [SectionShown(each.title, as_html(each.text_md), each.anchors) for each in result.sections]


def as_html(text: str) -> SafeString:
    """Return Markdown as HTML: raw HTML, links and images are text."""
    reader = _reader()
    tokens = reader.parse(text)
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(int(token.tag[1:]) + HEADING_SHIFT, HEADING_LAST)}"
    # Every text was escaped by the renderer, which was told to let no HTML through.
    html: str = reader.renderer.render(tokens, reader.options, {})
    return SafeString(html)


@cache
def _reader() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    reader.disable(["link", "autolink", "image", "reference"])
    return reader


def unscanned_reasons(rows: Iterable[Left]) -> list[tuple[int, str]]:
    """Return how many files were not looked at, and why, the most common reason first."""
    counts = Counter(row.reason for row in rows)
    return [(count, UNSCANNED_WORDS.get(reason, reason)) for reason, count in counts.most_common()]


def files_of(proposal: Proposal, rows: Sequence[ProposalFile]) -> list[FileShown]:
    """Return the files of a proposal as its page lists them."""
    return [_file(row) for row in rows]


def _file(row: ProposalFile) -> FileShown:
    counts = {bucket: sum(edit["bucket"] == bucket for edit in row.edits) for bucket in Bucket}
    return FileShown(
        row=row,
        path=str(row),
        new_path=bytes(row.new_path).decode("utf-8", "replace"),
        certain=counts[Bucket.CERTAIN],
        unsure=counts[Bucket.UNSURE],
        refused=counts[Bucket.REFUSED],
        edits=row.edits[:EDITS_SHOWN],
        left_out=max(len(row.edits) - EDITS_SHOWN, 0),
    )
