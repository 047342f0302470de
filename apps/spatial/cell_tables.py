"""Cells of one or several datasets in one table: counts by name, values merged by pairwise moments."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from apps.datasets.queries import Floats, Int64s
from apps.datasets.queries.aggregate import Groups
from apps.datasets.queries.scopes import Scope
from apps.spatial.intervals import Moments, cell_moments


@dataclass(frozen=True, slots=True)
class NamedCounts:
    """Counts by cell and name, sparse, ordered by cell: counts[i] events of names[name[i]] in row[i]."""

    names: tuple[str, ...]
    row: Int64s
    name: Int64s
    counts: Int64s

    def column(self, index: int, rows: int) -> Int64s:
        """Return one name's count for every row."""
        dense = np.zeros(rows, np.int64)
        chosen = self.name == index
        dense[self.row[chosen]] = self.counts[chosen]
        return dense


@dataclass(frozen=True, slots=True)
class CellTable:
    """Cells in order with their counts, and the totals of the answer."""

    cells: Int64s
    counts: Int64s
    categories: NamedCounts | None
    labels: NamedCounts | None
    values: Moments | None
    partial_events: int
    excluded_no_time: int

    @property
    def events(self) -> int:
        """Return the sum of all counts."""
        return int(self.counts.sum())


def merge_cells(
    scopes: Sequence[Scope],
    groups: Sequence[Groups],
    *,
    labels: Sequence[Groups] | None = None,
    with_categories: bool = True,
    with_value: bool = True,
) -> CellTable:
    """Return the table of several datasets' groups (by category) and, if given, their groups by label."""
    timed = [each.take(each.count > 0) for each in groups]
    cells = np.unique(np.concatenate([each.cell for each in timed])) if timed else np.empty(0, np.int64)
    counts = np.zeros(cells.size, np.int64)
    values = _no_values(cells.size)
    for scope, each in zip(scopes, timed, strict=True):
        if not each.cell.size:
            continue
        own, starts = np.unique(each.cell, return_index=True)
        rows = np.searchsorted(cells, own)
        counts[rows] += np.add.reduceat(each.count, starts)
        if with_value:
            values = values.merged(_spread(cell_moments(each, starts, scope.pivot), rows, cells.size))
    category_texts = [scope.vocabulary.categories for scope in scopes]
    label_texts = [scope.vocabulary.labels for scope in scopes]
    return CellTable(
        cells=cells,
        counts=counts,
        categories=_by_name(cells, timed, category_texts) if with_categories else None,
        labels=None if labels is None else _by_name(cells, labels, label_texts),
        values=values if with_value else None,
        partial_events=sum(int(each.partial.sum()) for each in groups),
        excluded_no_time=sum(int(each.untimed.sum()) for each in groups),
    )


def _by_name(cells: Int64s, groups: Sequence[Groups], texts: Sequence[dict[int, str]]) -> NamedCounts:
    """Return the counts of all datasets by the text behind the term numbers; events without one are out."""
    used = sorted({text[number] for each, text in zip(groups, texts, strict=True) for number in _terms(each)})
    place = {name: index for index, name in enumerate(used)}
    keys = [np.empty(0, np.int64)]
    counts = [np.empty(0, np.int64)]
    for each, text in zip(groups, texts, strict=True):
        known = each.take((each.count > 0) & (each.term_no >= 0))
        names = np.zeros(max(text, default=0) + 1, np.int64)
        for number in _terms(each):
            names[number] = place[text[number]]
        keys.append(np.searchsorted(cells, known.cell) * len(used) + names[known.term_no])
        counts.append(known.count)
    key, position = np.unique(np.concatenate(keys), return_inverse=True)
    total = np.bincount(position, np.concatenate(counts), minlength=key.size).astype(np.int64)
    width = max(len(used), 1)
    return NamedCounts(tuple(used), key // width, key % width, total)


def _terms(groups: Groups) -> list[int]:
    """Return the term numbers that occur."""
    numbers: list[int] = np.unique(groups.term_no[(groups.count > 0) & (groups.term_no >= 0)]).tolist()
    return numbers


def _no_values(rows: int) -> Moments:
    nothing, none = np.zeros(rows), np.full(rows, np.nan)
    return Moments(np.zeros(rows, np.int64), nothing, nothing, nothing, none, none)


def _spread(moments: Moments, rows: Int64s, size: int) -> Moments:
    """Return the moments at their rows of a table of `size` rows."""

    def placed(column: Floats, fill: float) -> Floats:
        whole = np.full(size, fill)
        whole[rows] = column
        return whole

    n = np.zeros(size, np.int64)
    n[rows] = moments.n
    return Moments(
        n=n,
        total=placed(moments.total, 0.0),
        mean=placed(np.where(moments.n > 0, moments.mean, 0.0), 0.0),
        m2=placed(np.where(moments.n > 0, moments.m2, 0.0), 0.0),
        low=placed(moments.low, np.nan),
        high=placed(moments.high, np.nan),
    )
