"""Find anchored lines again in another commit: by the first of several steps that has exactly one answer."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from django.db.models import Q

from apps.common.errors import NotFound
from apps.projects.errors import GitFailed
from apps.projects.git.layout import published_repository
from apps.projects.git.objects import ObjectReader, open_objects
from apps.projects.git.processes import run_git
from apps.projects.git.trees import iter_tree
from apps.projects.manifests.anchors import (
    Anchor,
    AnchorMethod,
    AnchorState,
    LineSpan,
    find_hash,
    find_window,
    lines_of,
    map_by_diff,
    window_of,
)
from apps.projects.manifests.document import DocumentBroken, read_entries
from apps.projects.manifests.facts import facts_of, text_of
from apps.projects.manifests.storing import read_document
from apps.projects.models import File, Manifest, Mirror, Symbol

CONTENT_MAX_BYTES: Final = 5 * 1024 * 1024
# How many versions are looked through for the commit that an anchor whose path is gone was made in.
VERSIONS_MAX: Final = 10
RENAMES_MAX: Final = 1_000
PLAIN_ENCODINGS: Final = frozenset({"ascii", "utf-8", "unknown-8bit"})


@dataclass(frozen=True, slots=True)
class Resolution:
    """Where an anchor's lines are; those of an orphaned one stay as they were, at its old blob."""

    state: AnchorState
    method: AnchorMethod | None
    path: bytes
    blob_id: str
    line_start: int
    line_end: int


@dataclass(frozen=True, slots=True)
class Text:
    """The lines of a blob; `is_plain` if git counts the same lines."""

    lines: Sequence[str]
    is_plain: bool


@dataclass(frozen=True, slots=True)
class Paths:
    """Of the target's tree: the blobs of paths that were asked for, the paths of blobs."""

    blobs: Mapping[bytes, str]
    places: Mapping[str, Sequence[bytes]]


def resolve_anchors(mirror: Mirror, commit: str, anchors: Sequence[Anchor]) -> list[Resolution]:
    """Return where the lines of anchors are in a commit (full id) of the published repository, in order.

    At most a handful of queries and two calls of git for each file that changed. Raises NotLinked, GitFailed.
    """
    repository = published_repository(mirror)
    blobs = [anchor.blob_id for anchor in anchors]
    tree = _look_up(mirror, repository, commit, [anchor.path for anchor in anchors], blobs)
    gone = [anchor for anchor in anchors if anchor.path not in tree.blobs]
    renames = _renames(mirror, repository, commit, gone) if gone else {}
    if renames:
        tree = _look_up(mirror, repository, commit, [*tree.blobs, *renames.values()], blobs)
    with open_objects(repository) as objects:
        finder = _Finder(mirror, repository, objects)
        return [
            _same_blob(anchor, tree)
            or finder.find(anchor, renames.get(anchor.path, anchor.path), tree)
            or _orphaned(anchor)
            for anchor in anchors
        ]


def _same_blob(anchor: Anchor, tree: Paths) -> Resolution | None:
    places = tree.places.get(anchor.blob_id, ())
    path = anchor.path if tree.blobs.get(anchor.path) == anchor.blob_id else None
    if path is None and len(places) == 1:
        path = places[0]
    if path is None:
        return None
    span = LineSpan(anchor.line_start, anchor.line_end)
    return _found(AnchorState.EXACT, AnchorMethod.BLOB, path, anchor.blob_id, span)


def _orphaned(anchor: Anchor) -> Resolution:
    span = LineSpan(anchor.line_start, anchor.line_end)
    return _found(AnchorState.ORPHANED, None, anchor.path, anchor.blob_id, span)


def _found(
    state: AnchorState, method: AnchorMethod | None, path: bytes, blob: str, span: LineSpan
) -> Resolution:
    return Resolution(state, method, path, blob, span.start, span.end)


class _Finder:
    """The steps after the first: they read both blobs. Texts and diffs are read once."""

    def __init__(self, mirror: Mirror, repository: Path, objects: ObjectReader) -> None:
        self._mirror = mirror
        self._repository = repository
        self._objects = objects
        self._texts: dict[str, Text | None] = {}
        self._diffs: dict[tuple[str, str], bytes] = {}

    def find(self, anchor: Anchor, path: bytes, tree: Paths) -> Resolution | None:
        """Return where the lines are in the file `path`; None if no step has exactly one answer."""
        blob = tree.blobs.get(path)
        new = self._text(blob) if blob is not None else None
        if blob is None or new is None:
            return None
        for method, step in (
            (AnchorMethod.SYMBOL, self._by_symbol),
            (AnchorMethod.WINDOW, self._by_window),
            (AnchorMethod.DIFF, self._by_diff),
        ):
            span = step(anchor, blob, new)
            if span is not None:
                return _found(AnchorState.MOVED, method, path, blob, span)
        return None

    def _by_symbol(self, anchor: Anchor, blob: str, new: Text) -> LineSpan | None:
        """Return the symbol's lines if the anchor is of all its lines, and it is there once."""
        if not anchor.symbol:
            return None
        rows = Symbol.objects.filter(
            organization_id=self._mirror.organization_id,
            project_id=self._mirror.project_id,
            blob__in=(anchor.blob_id, blob),
            qualified_name=anchor.symbol,
        ).values_list("blob", "line_start", "line_end")
        before = [tuple(lines) for of, *lines in rows if of == anchor.blob_id]
        after = [LineSpan(*lines) for of, *lines in rows if of == blob]
        if before != [(anchor.line_start, anchor.line_end)] or len(after) != 1:
            return None
        return after[0] if after[0].end <= len(new.lines) else None

    def _by_window(self, anchor: Anchor, blob: str, new: Text) -> LineSpan | None:
        span = LineSpan(anchor.line_start, anchor.line_end)
        old = self._text(anchor.blob_id)
        if old is None:
            return find_hash(anchor.window, span, new.lines) if anchor.window else None
        return find_window(old.lines, span, new.lines) if _is_of(anchor, old) else None

    def _by_diff(self, anchor: Anchor, blob: str, new: Text) -> LineSpan | None:
        old = self._text(anchor.blob_id)
        if old is None or not (old.is_plain and new.is_plain and _is_of(anchor, old)):
            return None
        span = LineSpan(anchor.line_start, anchor.line_end)
        return map_by_diff(old.lines, span, new.lines, self._diff(anchor.blob_id, blob))

    def _text(self, blob: str) -> Text | None:
        if blob not in self._texts:
            self._texts[blob] = self._read(blob)
        return self._texts[blob]

    def _read(self, blob: str) -> Text | None:
        header = self._objects.header(blob)
        if header is None or header.type != "blob" or header.size_bytes > CONTENT_MAX_BYTES:
            return None
        content = self._objects.contents(blob, max_bytes=CONTENT_MAX_BYTES) or b""
        facts = facts_of(content)
        if facts.is_binary:
            return None
        lines = lines_of(text_of(content, facts))
        return Text(lines, is_plain=facts.encoding in PLAIN_ENCODINGS and facts.eol in {"lf", "crlf", "none"})

    def _diff(self, old: str, new: str) -> bytes:
        if (old, new) not in self._diffs:
            arguments = ("diff", "--no-ext-diff", "--no-textconv", "--no-color", "--text", "-U0", old, new)
            self._diffs[old, new] = run_git(self._repository, *arguments)
        return self._diffs[old, new]


def _is_of(anchor: Anchor, old: Text) -> bool:
    """Tell whether an anchor names lines of its blob, and with its window those lines."""
    span = LineSpan(anchor.line_start, anchor.line_end)
    is_inside = span.end <= len(old.lines)
    return is_inside and anchor.window in {"", window_of(old.lines, span)}


def _look_up(
    mirror: Mirror, repository: Path, commit: str, paths: Iterable[bytes], blobs: Iterable[str]
) -> Paths:
    """Return the blobs of paths and the paths of blobs in a commit: by rows at the published head."""
    wanted_paths, wanted_blobs = set(paths), set(blobs)
    if commit == mirror.head_commit:
        rows = File.objects.filter(organization_id=mirror.organization_id, project_id=mirror.project_id)
        keys = [sha256(path).digest() for path in wanted_paths]
        asked = rows.filter(Q(path_hash__in=keys) | Q(blob__in=wanted_blobs), mode__startswith="100")
        found = [(bytes(path), blob) for path, blob in asked.values_list("path", "blob")]
    else:
        entries = iter_tree(repository, commit, is_recursive=True, has_trees=False) if commit else ()
        found = [(entry.path, entry.oid) for entry in entries if entry.mode.startswith("100")]
    places: defaultdict[str, list[bytes]] = defaultdict(list)
    for path, blob in found:
        if blob in wanted_blobs:
            places[blob].append(path)
    return Paths({path: blob for path, blob in found if path in wanted_paths}, places)


def _renames(mirror: Mirror, repository: Path, commit: str, gone: Sequence[Anchor]) -> Mapping[bytes, bytes]:
    """Return where git says that files went which are gone, by the newest version that had their blob."""
    versions = Manifest.objects.filter(project_id=mirror.project_id).exclude(storage_key="")
    left = {(anchor.path, anchor.blob_id) for anchor in gone}
    found: dict[bytes, bytes] = {}
    for manifest in versions.exclude(commit__in=("", commit)).order_by("-number")[:VERSIONS_MAX]:
        had = left & _files_of(manifest)
        if had:
            moved = _moved(repository, manifest.commit, commit)
            found |= {path: moved[path] for path, _ in had if path in moved}
            left -= had
        if not left:
            break
    return found


def _files_of(manifest: Manifest) -> set[tuple[bytes, str]]:
    try:
        return {(entry.raw_path, entry.blob) for entry in read_entries(read_document(manifest))}
    except (NotFound, DocumentBroken):  # verification says so; here it is only one place less to look at
        return set()


def _moved(repository: Path, old: str, new: str) -> Mapping[bytes, bytes]:
    arguments = ("diff-tree", "-r", "-z", "--no-commit-id", "--name-status", "--diff-filter=R", "-M")
    try:
        listed = run_git(repository, *arguments, f"-l{RENAMES_MAX}", old, new)
    except GitFailed:  # the old commit was dropped since
        return {}
    parts = listed.split(b"\0")
    return dict(zip(parts[1::3], parts[2::3], strict=False))
