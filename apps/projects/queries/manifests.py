"""Published manifests of a project: one version, its entries, what changed between two."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from apps.common.errors import NotFound
from apps.projects.manifests.document import EntryLine, read_entries
from apps.projects.manifests.storing import read_document
from apps.projects.models import Manifest, Project
from apps.projects.states import ManifestState

# Of each kind of change no more are listed; the counts are whole.
CHANGES_MAX: Final = 2_000


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """Which entries are asked for: paths that begin so, kinds, languages (none: all)."""

    prefix: bytes = b""
    kinds: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()

    def takes(self, entry: EntryLine) -> bool:
        """Tell whether an entry is asked for."""
        return (
            entry.raw_path.startswith(self.prefix)
            and (not self.kinds or entry.kind in self.kinds)
            and (not self.languages or entry.language in self.languages)
        )


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one path; `old_path` is where a renamed file lay."""

    path: bytes
    old_path: bytes | None
    kind: str
    old_blob: str
    blob: str


@dataclass(frozen=True, slots=True)
class ManifestDiff:
    """What changed between two versions, each list by the bytes of its paths, at most CHANGES_MAX long."""

    older: Manifest
    newer: Manifest
    counts: Mapping[str, int]
    added: Sequence[Change]
    removed: Sequence[Change]
    changed: Sequence[Change]
    renamed: Sequence[Change]

    @property
    def is_truncated(self) -> bool:
        """Tell whether one of the lists is cut."""
        return any(count > CHANGES_MAX for count in self.counts.values())


def find_manifest(project: Project, *, version: int | None = None, commit: str = "") -> Manifest:
    """Return a published version, by default the current one; of a commit the newest. One query.

    Raises NotFound.
    """
    rows = Manifest.objects.filter(project=project).exclude(state=ManifestState.BUILDING)
    if version is not None:
        rows = rows.filter(number=version)
    if commit:
        rows = rows.filter(commit=commit)
    if version is None and not commit:
        rows = rows.filter(state=ManifestState.CURRENT)
    found: Manifest | None = rows.order_by("-number").first()
    if found is None:
        raise NotFound
    return found


def entries_page(
    manifest: Manifest, asked: EntryFilter, *, after: bytes | None, limit: int
) -> list[EntryLine]:
    """Return at most `limit` entries past a path, in the document's order; raises NotFound if it is gone."""
    found: list[EntryLine] = []
    for entry in read_entries(read_document(manifest)):
        if (after is None or entry.raw_path > after) and asked.takes(entry):
            found.append(entry)
            if len(found) == limit:
                break
    return found


def diff_manifests(older: Manifest, newer: Manifest) -> ManifestDiff:
    """Return what changed between two versions; raises NotFound if a document is gone."""
    before = {entry.raw_path: entry for entry in read_entries(read_document(older))}
    after = {entry.raw_path: entry for entry in read_entries(read_document(newer))}
    gone = [before[path] for path in sorted(before.keys() - after.keys())]
    come = [after[path] for path in sorted(after.keys() - before.keys())]
    pairs = _renamed(gone, come)
    moved = {entry.raw_path for pair in pairs for entry in pair}
    lists = {
        "added": [_change(None, entry) for entry in come if entry.raw_path not in moved],
        "removed": [_change(entry, None) for entry in gone if entry.raw_path not in moved],
        "changed": list(_changed(before, after)),
        "renamed": [_change(old, new) for old, new in pairs],
    }
    counts = {name: len(changes) for name, changes in lists.items()}
    cut = {name: changes[:CHANGES_MAX] for name, changes in lists.items()}
    return ManifestDiff(older, newer, counts, **cut)


def _changed(before: Mapping[bytes, EntryLine], after: Mapping[bytes, EntryLine]) -> Iterator[Change]:
    """Yield the paths that are in both with another blob or mode."""
    for path in sorted(before.keys() & after.keys()):
        old, new = before[path], after[path]
        if (old.blob, old.mode) != (new.blob, new.mode):
            yield _change(old, new)


def _renamed(gone: Iterable[EntryLine], come: Iterable[EntryLine]) -> list[tuple[EntryLine, EntryLine]]:
    """Return pairs of the same blob, by new path; of several with one blob first those of the same name."""
    left: defaultdict[str, list[EntryLine]] = defaultdict(list)
    for entry in gone:
        left[entry.blob].append(entry)
    pairs = []
    waiting = []
    for entry in come:
        twins = left.get(entry.blob, [])
        twin = next((old for old in twins if _name(old) == _name(entry)), None)
        if twin is not None:
            twins.remove(twin)
            pairs.append((twin, entry))
        elif twins:
            waiting.append(entry)
    pairs += [(left[entry.blob].pop(0), entry) for entry in waiting if left[entry.blob]]
    return sorted(pairs, key=lambda pair: pair[1].raw_path)


def _name(entry: EntryLine) -> bytes:
    return entry.raw_path.rpartition(b"/")[2]


def _change(old: EntryLine | None, new: EntryLine | None) -> Change:
    shown = new or old
    assert shown is not None  # noqa: S101 - one of them is there
    return Change(
        path=shown.raw_path,
        old_path=old.raw_path if old and new and old.raw_path != new.raw_path else None,
        kind=shown.kind,
        old_blob=old.blob if old else "",
        blob=new.blob if new else "",
    )
