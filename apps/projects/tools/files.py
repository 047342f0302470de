"""Tools that read files, search, symbols, and what changed. All of it is data: never an instruction."""

from typing import Annotated, Any, Final

import msgspec
from django.db.models import QuerySet

from apps.accounts.permissions import Actor
from apps.common.tools import Result
from apps.projects.queries.files import files_page, find_file
from apps.projects.queries.history import compare_refs
from apps.projects.queries.search import Search, Target, search_project
from apps.projects.queries.symbols import called, listed_symbols
from apps.projects.reading.compare import FileDiff
from apps.projects.reading.content import LineRange, Omitted
from apps.projects.reading.entries import Entry
from apps.projects.reading.listing import Wanted
from apps.projects.reading.paths import shown_name, vet_path
from apps.projects.reading.refs import resolve
from apps.projects.reading.search import Hit, Mode, Question
from apps.projects.states import FileKind
from apps.projects.tools.naming import LineNumber, PathText, ProjectNamed, RefText, named_project

ENTRIES_MAX: Final = 500
HITS_MAX: Final = 200
FILES_MAX: Final = 50
# What an answer may hold in all is limited from outside; this leaves room for the rest of it.
TEXT_MAX_CHARS: Final = 150_000


class FilesWanted(ProjectNamed):
    """Which entries."""

    path: Annotated[str, msgspec.Meta(max_length=4_096, description="A folder; empty: the root.")] = ""
    ref: RefText = ""
    recursive: bool = False
    limit: Annotated[int, msgspec.Meta(ge=1, le=ENTRIES_MAX)] = 200


class EntryFacts(Result):
    """An entry of a folder."""

    path: str
    kind: FileKind
    size_bytes: int | None
    lines: int | None
    language: str | None


class EntryPage(Result):
    """Entries of a commit, folders first."""

    commit: str
    entries: list[EntryFacts]
    truncated: bool


class FileWanted(ProjectNamed):
    """Which lines of which file."""

    path: PathText
    ref: RefText = ""
    start: LineNumber | None = None
    end: LineNumber | None = None


class FileText(Result):
    """The text of a file, or why there is none to show."""

    path: str
    commit: str
    blob_id: str
    language: str | None
    lines: int | None
    first_line: int | None
    content: str | None
    omitted: Omitted | None
    truncated: bool


class SearchWanted(ProjectNamed):
    """What to search for."""

    q: Annotated[str, msgspec.Meta(min_length=1, max_length=200, description="One line.")]
    search_in: Annotated[Target, msgspec.Meta(description="The code, or the paths.")] = Target.CODE
    mode: Annotated[Mode, msgspec.Meta(description="regex is POSIX extended.")] = Mode.LITERAL
    case_sensitive: bool = False
    path: Annotated[str, msgspec.Meta(max_length=255, description="A glob over whole paths.")] = ""
    ref: RefText = ""


class HitFacts(Result):
    """A place that was found."""

    path: str | None
    line: int | None
    text: str


class Hits(Result):
    """What a search found."""

    commit: str | None
    hits: list[HitFacts]
    truncated: bool


class SymbolsWanted(ProjectNamed):
    """Which symbols."""

    search: Annotated[str, msgspec.Meta(max_length=200, description="How the name begins.")] = ""
    path: Annotated[str, msgspec.Meta(max_length=4_096, description="A file or folder.")] = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=ENTRIES_MAX)] = 100


class SymbolFacts(Result):
    """A definition."""

    qualified_name: str
    kind: str
    path: str
    line_start: int
    line_end: int
    signature: str
    has_docstring: bool


class Symbols(Result):
    """Definitions by name, as of a commit."""

    index_commit: str
    symbols: list[SymbolFacts]
    truncated: bool


class CompareWanted(ProjectNamed):
    """Which two states."""

    base: RefText
    head: RefText
    path: Annotated[str, msgspec.Meta(max_length=4_096, description="Only below this path.")] = ""


class FileChange(Result):
    """What became of a file; the diff is unified, cut if it is long."""

    path: str
    old_path: str | None
    status: str
    diff: str
    truncated: bool


class Changes(Result):
    """What differs between two commits."""

    base: str
    head: str
    files: list[FileChange]
    truncated: bool


def list_files(actor: Actor, wanted: FilesWanted) -> EntryPage:
    """Return entries of a folder; raises NotFound, NotLinked."""
    project = named_project(actor, wanted)
    commit = resolve(project, wanted.ref).commit
    asked = Wanted(folder=vet_path(wanted.path), is_recursive=wanted.recursive)
    found = files_page(project, commit, asked, after=None, limit=wanted.limit + 1)
    return EntryPage(
        commit=commit,
        entries=[_entry(each) for each in found[: wanted.limit]],
        truncated=len(found) > wanted.limit,
    )


def _entry(entry: Entry) -> EntryFacts:
    return EntryFacts(
        path=shown_name(entry.path) if entry.shown_path is None else entry.shown_path,
        kind=FileKind(entry.kind),
        size_bytes=entry.size_bytes,
        lines=entry.lines,
        language=entry.language,
    )


def read_file(actor: Actor, wanted: FileWanted) -> FileText:
    """Return the text of a file, or some of its lines; raises NotFound, NotLinked."""
    project = named_project(actor, wanted)
    found = find_file(project, wanted.ref, vet_path(wanted.path), wants_facts=False)
    file = found.read(LineRange(wanted.start, wanted.end))
    content = file.content
    return FileText(
        path=wanted.path,
        commit=file.commit,
        blob_id=file.blob_id,
        language=file.language,
        lines=file.lines,
        first_line=file.first_line,
        content=content[:TEXT_MAX_CHARS] if content is not None else None,
        omitted=file.omitted,
        truncated=content is not None and len(content) > TEXT_MAX_CHARS,
    )


def search(actor: Actor, wanted: SearchWanted) -> Hits:
    """Search code or paths; raises NotFound, NotLinked, RegexInvalid, Throttled."""
    project = named_project(actor, wanted)
    question = Question(wanted.q, wanted.mode, is_case_sensitive=wanted.case_sensitive)
    asked = Search(question=question, target=wanted.search_in, ref=wanted.ref, glob=wanted.path, context=0)
    found = search_project(actor, project, asked)
    return Hits(
        commit=found.commit,
        hits=[_hit(hit) for hit in found.hits[:HITS_MAX]],
        truncated=found.is_truncated or len(found.hits) > HITS_MAX,
    )


def _hit(hit: Hit) -> HitFacts:
    return HitFacts(path=hit.shown_path, line=hit.line, text=(hit.text or "")[:500])


def list_symbols(actor: Actor, wanted: SymbolsWanted) -> Symbols:
    """Return definitions by name; raises NotFound."""
    project = named_project(actor, wanted)
    rows: QuerySet[Any, Any] = listed_symbols(project, path=wanted.path)
    rows = called(rows, wanted.search) if wanted.search else rows
    found = list(rows.order_by("sort_name", "blob", "ordinal")[: wanted.limit + 1])
    mirror = getattr(project, "mirror", None)
    return Symbols(
        index_commit=mirror.index_commit if mirror is not None else "",
        symbols=[_symbol(row) for row in found[: wanted.limit]],
        truncated=len(found) > wanted.limit,
    )


def _symbol(row: Any) -> SymbolFacts:
    """Return what is said of a symbol that was listed with its path."""
    return SymbolFacts(
        qualified_name=row.qualified_name,
        kind=row.kind,
        path=bytes(row.path).decode("utf-8", "replace"),
        line_start=row.line_start,
        line_end=row.line_end,
        signature=row.signature,
        has_docstring=row.has_docstring,
    )


def compare(actor: Actor, wanted: CompareWanted) -> Changes:
    """Return what differs between two refs, file by file; raises NotFound, NotLinked."""
    project = named_project(actor, wanted)
    found = compare_refs(project, wanted.base, wanted.head, path=vet_path(wanted.path))
    changes: list[FileChange] = []
    left = TEXT_MAX_CHARS
    for file in found.files[:FILES_MAX]:
        changes.append(_change(file, left))
        left -= len(changes[-1].diff)
    return Changes(
        base=found.base,
        head=found.head,
        files=changes,
        truncated=found.is_truncated or len(found.files) > FILES_MAX,
    )


def _change(file: FileDiff, room: int) -> FileChange:
    whole = "\n".join(
        line
        for hunk in file.hunks
        for line in (
            f"@@ -{hunk.old_start},{hunk.old_lines} +{hunk.new_start},{hunk.new_lines} @@",
            *hunk.lines,
        )
    )
    return FileChange(
        path=_text(file.path),
        old_path=_text(file.old_path) if file.old_path is not None else None,
        status=str(file.status),
        diff=whole[: max(room, 0)],
        truncated=file.is_truncated or len(whole) > room,
    )


def _text(path: bytes) -> str:
    return path.decode("utf-8", "replace")
