"""What may leave this server for a language model, file by file, within the budget of a job."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from apps.projects.documenting.redaction import is_never_sent, redact
from apps.projects.documenting.results import SourceRef, Unscanned
from apps.projects.documenting.sources import ListedFile
from apps.projects.manifests.globs import compile_globs

FILES_MAX: Final = 200
BYTES_MAX: Final = 2 * 1024 * 1024
CALLS_MAX: Final = 60
TOKENS_MAX: Final = 100_000
# One call carries no more text than this; a file that does not fit in it stays here.
CALL_MAX_BYTES: Final = 48 * 1024


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file as it goes out: decoded and redacted."""

    file: ListedFile
    text: str

    @property
    def lines(self) -> list[str]:
        """Return the lines as they are counted by anchors."""
        return self.text.split("\n")


@dataclass(frozen=True, slots=True)
class Parcel:
    """All that may go out for a job; `held_back` says why the rest may not."""

    files: tuple[SentFile, ...]
    held_back: tuple[Unscanned, ...] = ()
    redactions: Mapping[str, int] = field(default_factory=dict)

    @property
    def size_bytes(self) -> int:
        """Return how much text there is."""
        return sum(len(sent.text.encode()) for sent in self.files)

    @property
    def sources(self) -> tuple[SourceRef, ...]:
        """Return the files that go out."""
        return tuple(SourceRef(sent.file.path, sent.file.blob_id) for sent in self.files)

    @property
    def is_cut(self) -> bool:
        """Tell whether the budget kept something here."""
        return any(each.reason == "budget" for each in self.held_back)


def reason_to_stay(file: ListedFile, ai_exclude_globs: Sequence[str]) -> str:
    """Return why a file never leaves, empty if it may."""
    if file.unreadable:
        return file.unreadable
    if is_never_sent(file.path):
        return "never_sent"
    if file.is_escaped or compile_globs(tuple(ai_exclude_globs)).fullmatch(file.path.encode()):
        return "excluded"
    return "too_large" if file.size_bytes > CALL_MAX_BYTES else ""


def within_budget(files: Sequence[ListedFile]) -> list[ListedFile]:
    """Return the first files that fit together into the budget of a job."""
    size_bytes = 0
    for place, file in enumerate(files[:FILES_MAX]):
        size_bytes += file.size_bytes
        if size_bytes > BYTES_MAX:
            return list(files[:place])
    return list(files[:FILES_MAX])


def pack(contents: Iterator[tuple[ListedFile, bytes]], held_back: Sequence[Unscanned]) -> Parcel:
    """Return files, redacted, beside those that stay here."""
    files: list[SentFile] = []
    counts: Counter[str] = Counter()
    for file, content in contents:
        redacted = redact(content.decode("utf-8", "replace"))
        counts.update(redacted.counts)
        files.append(SentFile(file, redacted.text))
    return Parcel(tuple(files), tuple(held_back), dict(sorted(counts.items())))


def in_calls(files: Sequence[SentFile]) -> Iterator[list[SentFile]]:
    """Yield files in groups that fit into one call each, in their order."""
    group: list[SentFile] = []
    size_bytes = 0
    for sent in files:
        length = len(sent.text.encode())
        if group and size_bytes + length > CALL_MAX_BYTES:
            yield group
            group, size_bytes = [], 0
        group.append(sent)
        size_bytes += length
    if group:
        yield group
