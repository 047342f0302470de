"""What a version changed against its parent, from the facts of the segments alone."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from apps.datasets.models import Segment, Term, TermField, Version


@dataclass(frozen=True, slots=True)
class NamedRows:
    """Rows added and removed under one name (a partition or a category)."""

    name: str | None
    added: int
    removed: int


@dataclass(frozen=True, slots=True)
class VersionDiff:
    """Rows by what became of them; `kept` lie in segments that both versions list."""

    added: int
    removed: int
    kept: int
    by_partition: list[NamedRows]
    by_category: list[NamedRows]


def diff_to_parent(version: Version) -> VersionDiff:
    """Compare a version's segments with its parent's. Three queries."""
    after = {segment.no: segment for segment in Segment.objects.of_version(version.pk)}
    before = {segment.no: segment for segment in Segment.objects.of_version(version.parent_id)}
    added = [after[number] for number in after.keys() - before.keys()]
    removed = [before[number] for number in before.keys() - after.keys()]
    return VersionDiff(
        added=sum(segment.rows for segment in added),
        removed=sum(segment.rows for segment in removed),
        kept=sum(after[number].rows for number in after.keys() & before.keys()),
        by_partition=_named(_by_partition(added), _by_partition(removed)),
        by_category=_by_category(version, added, removed),
    )


def _by_partition(segments: Sequence[Segment]) -> Counter[str | None]:
    rows: Counter[str | None] = Counter()
    for segment in segments:
        rows[segment.partition_key] += segment.rows
    return rows


def _by_category(version: Version, added: Sequence[Segment], removed: Sequence[Segment]) -> list[NamedRows]:
    terms = Term.objects.filter(dataset_no=version.dataset.no, field=TermField.CATEGORY)
    texts = {str(number): text for number, text in terms.values_list("no", "text")}
    sums: list[Counter[str | None]] = []
    for segments in (added, removed):
        rows: Counter[str | None] = Counter()
        for segment in segments:
            for number, count in segment.category_counts.items():
                rows[texts.get(number)] += count
        sums.append(rows)
    return _named(*sums)


def _named(added: Counter[str | None], removed: Counter[str | None]) -> list[NamedRows]:
    names = sorted(added.keys() | removed.keys(), key=lambda name: (name is not None, name or ""))
    return [NamedRows(name, added[name], removed[name]) for name in names]
