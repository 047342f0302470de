"""Which rows are duplicates, under the five policies of places.md section 7.

A policy is fed batches in the order of the import. Its state is rebuilt by feeding the same rows again:
`prime` takes the rows of segments that stay, `replay` the batches of this import before a checkpoint.
"""

from dataclasses import replace
from enum import StrEnum
from typing import Final, Protocol

import numpy as np

from apps.datasets.reading.identities import (
    Keys,
    KeyTable,
    count_repeated,
    id_keys,
    ranks_and_firsts,
    row_keys,
)
from apps.datasets.reading.limits import QUALITY_DUPLICATES_MAX_ROWS, RAW_MAX_BYTES
from apps.datasets.reading.rows import Batch, Bools, Events, Int64s, Reject, RejectKind, RowCode

_LINE_BITS: Final = 40
_FROM_BEFORE: Final = 1 << 20  # stands for the file number of rows that were there before this import


class DuplicatePolicy(StrEnum):
    """When a row is a duplicate."""

    KEEP_ALL = "keep_all"
    EXACT = "exact"
    OCCURRENCE = "occurrence"
    EXTERNAL_ID_FIRST = "external_id_first"
    EXTERNAL_ID_LAST = "external_id_last"


class Duplicates(Protocol):
    """The state of one policy during one import.

    `needs_survey`: all batches must be given to `survey` before the first is given to `apply`.
    """

    needs_survey: bool

    def prime(self, events: Events) -> None:
        """Take in rows of the segments that stay."""

    def survey(self, batch: Batch) -> None:
        """Take in a batch of the first of two passes."""

    def apply(self, batch: Batch) -> Batch:
        """Return the batch with duplicates moved from its events to its rejects."""
        ...


def duplicates_under(policy: DuplicatePolicy | str) -> Duplicates:
    """Return the empty state of a policy."""
    return _POLICIES[DuplicatePolicy(policy)]()


def replay(duplicates: Duplicates, batch: Batch) -> None:
    """Bring the state over a batch that an earlier attempt has stored already."""
    duplicates.apply(batch)


class _KeepAll:
    needs_survey = False

    def prime(self, events: Events) -> None:
        """Nothing depends on earlier rows."""

    def survey(self, batch: Batch) -> None:
        """Nothing depends on later rows."""

    def apply(self, batch: Batch) -> Batch:
        return batch


class _Exact(_KeepAll):
    """A row is a duplicate of the first row with its identity."""

    def __init__(self) -> None:
        self._kept = KeyTable()

    def prime(self, events: Events) -> None:
        keys, rows = self._keys(events)
        self._take_in(keys, _pack_before(events)[rows])

    def apply(self, batch: Batch) -> Batch:
        keys, rows = self._keys(batch.events)
        places = _pack(batch.events)[rows]
        known_at, known = self._kept.find(keys)
        ranks, firsts = ranks_and_firsts(keys)
        kept_at = np.where(known, known_at, places[firsts])
        repeated = known | (ranks > 0)
        self._kept.add(keys[~repeated], places[~repeated])
        return _move(batch, rows[repeated], kept_at[repeated], self._reason)

    _reason = "The same event as"

    def _keys(self, events: Events) -> tuple[Keys, Int64s]:
        """Return the keys that matter and their rows."""
        return row_keys(events), np.arange(len(events))

    def _take_in(self, keys: Keys, places: Int64s) -> None:
        _, known = self._kept.find(keys)
        ranks, _ = ranks_and_firsts(keys)
        fresh = ~known & (ranks == 0)
        self._kept.add(keys[fresh], places[fresh])


class _ExternalIdFirst(_Exact):
    """A row is a duplicate of the first row with its external id; rows without one never are."""

    _reason = "The same external id as"

    def _keys(self, events: Events) -> tuple[Keys, Int64s]:
        return id_keys(events.external_id)


class _ExternalIdLast(_KeepAll):
    """A row is a duplicate of the last row of the import with its external id."""

    needs_survey = True

    def __init__(self) -> None:
        self._last = KeyTable()

    def survey(self, batch: Batch) -> None:
        keys, rows = id_keys(batch.events.external_id)
        backwards, _ = ranks_and_firsts(keys[::-1])
        is_last = backwards[::-1] == 0
        self._last.put(keys[is_last], _pack(batch.events)[rows[is_last]])

    def apply(self, batch: Batch) -> Batch:
        keys, rows = id_keys(batch.events.external_id)
        last_at, _ = self._last.find(keys)
        overtaken = last_at != _pack(batch.events)[rows]
        return _move(batch, rows[overtaken], last_at[overtaken], "A later row has the same external id:")


class _Occurrence(_KeepAll):
    """The nth row with an identity is a duplicate if at least n such rows stay from before."""

    def __init__(self) -> None:
        self._staying = KeyTable()
        self._line = KeyTable()
        self._seen = KeyTable()

    def prime(self, events: Events) -> None:
        keys, places = row_keys(events), _pack_before(events)
        ranks, _ = ranks_and_firsts(keys)
        _add_counts(self._staying, keys)
        fresh = ranks == 0
        _, known = self._line.find(keys[fresh])
        self._line.add(keys[fresh][~known], places[fresh][~known])

    def apply(self, batch: Batch) -> Batch:
        keys = row_keys(batch.events)
        staying, _ = self._staying.find(keys)
        seen, _ = self._seen.find(keys)
        ranks, _ = ranks_and_firsts(keys)
        repeated = seen + ranks < staying
        counted = staying > 0  # only these can ever be duplicates
        _add_counts(self._seen, keys[counted])
        kept_at, _ = self._line.find(keys)
        rows = np.flatnonzero(repeated)
        return _move(batch, rows, kept_at[rows], "The same event stays from")


_POLICIES: Final[dict[DuplicatePolicy, type[_KeepAll]]] = {
    DuplicatePolicy.KEEP_ALL: _KeepAll,
    DuplicatePolicy.EXACT: _Exact,
    DuplicatePolicy.OCCURRENCE: _Occurrence,
    DuplicatePolicy.EXTERNAL_ID_FIRST: _ExternalIdFirst,
    DuplicatePolicy.EXTERNAL_ID_LAST: _ExternalIdLast,
}


def _add_counts(table: KeyTable, keys: Keys) -> None:
    """Raise the number of each key by how often it occurs."""
    ranks, firsts = ranks_and_firsts(keys)
    counts = np.bincount(firsts, minlength=len(keys))
    distinct = ranks == 0
    before, _ = table.find(keys[distinct])
    table.put(keys[distinct], before + counts[distinct])


def _pack(events: Events) -> Int64s:
    """Return file and line of each row as one number."""
    places: Int64s = (events.file_no.astype(np.int64) << _LINE_BITS) | events.line
    return places


def _pack_before(events: Events) -> Int64s:
    places: Int64s = np.int64(_FROM_BEFORE << _LINE_BITS) | events.line
    return places


def _move(batch: Batch, rows: Int64s, kept_at: Int64s, reason: str) -> Batch:
    """Turn events into rejects of kind duplicate, merged into the others in the order of the file."""
    if not len(rows):
        return batch
    moved = [
        _reject(batch, row, place, reason) for row, place in zip(rows.tolist(), kept_at.tolist(), strict=True)
    ]
    stays: Bools = np.ones(len(batch.events), np.bool_)
    stays[rows] = False
    rejects = sorted([*batch.rejects, *moved], key=lambda reject: reject.record)
    return replace(batch, events=batch.events.take(stays), rejects=tuple(rejects))


def _reject(batch: Batch, row: int, place: int, reason: str) -> Reject:
    events, raw = batch.events, batch.raw(row)
    file_no, line = place >> _LINE_BITS, place & ((1 << _LINE_BITS) - 1)
    has_lines = bool(events.line_end[row]) and line > 0
    place_name = f"{'line' if has_lines else 'record'} {line}" if line else "a row"
    where = f"{place_name} of " + ("an earlier import" if file_no == _FROM_BEFORE else f"file {file_no}")
    offset = int(events.byte_offset[row])
    return Reject(
        kind=RejectKind.DUPLICATE,
        file_no=int(events.file_no[row]),
        record=int(events.record[row]),
        line=int(events.line[row]) if events.line_end[row] else None,
        line_end=int(events.line_end[row]) or None,
        byte_offset=offset if offset >= 0 else None,
        column=None,
        code=RowCode.DUPLICATE,
        also=(),
        detail=f"{reason} {where}.",
        raw=raw[:RAW_MAX_BYTES],
        raw_truncated=len(raw) > RAW_MAX_BYTES,
        kept_line=line if has_lines else None,
    )


class DuplicateCensus:
    """Counts what each policy would call duplicates among the valid rows; gives up past a million."""

    def __init__(self, most_rows: int = QUALITY_DUPLICATES_MAX_ROWS) -> None:
        self._most_rows = most_rows
        self._rows = 0
        self._row_keys: list[Keys] = []
        self._id_keys: list[Keys] = []
        self._staying: list[Keys] = []
        self._staying_ids: list[Keys] = []

    def prime(self, events: Events) -> None:
        """Take in rows of the segments that stay."""
        self._staying.append(row_keys(events))
        self._staying_ids.append(id_keys(events.external_id)[0])

    def add(self, events: Events) -> None:
        """Take in valid rows of the import, before its own policy."""
        self._rows += len(events)
        if self._rows > self._most_rows:
            self._row_keys, self._id_keys = [], []
            return
        self._row_keys.append(row_keys(events))
        self._id_keys.append(id_keys(events.external_id)[0])

    def counts(self) -> dict[str, int] | None:
        """Return duplicates by policy, None past the limit."""
        if self._rows > self._most_rows:
            return None
        exact, occurrence = self._among_rows()
        first, last = self._among_ids()
        return {
            DuplicatePolicy.KEEP_ALL.value: 0,
            DuplicatePolicy.EXACT.value: exact,
            DuplicatePolicy.OCCURRENCE.value: occurrence,
            DuplicatePolicy.EXTERNAL_ID_FIRST.value: first,
            DuplicatePolicy.EXTERNAL_ID_LAST.value: last,
        }

    def _among_rows(self) -> tuple[int, int]:
        """Return the rows that equal an earlier one, and those that equal as many as stay."""
        rows, staying = _joined(self._row_keys), _joined(self._staying)
        if not len(staying):
            return count_repeated(rows), 0
        table = KeyTable()
        _add_counts(table, staying)
        left, _ = table.find(rows)
        ranks, _ = ranks_and_firsts(rows)
        return int(np.count_nonzero((ranks > 0) | (left > 0))), int(np.count_nonzero(ranks < left))

    def _among_ids(self) -> tuple[int, int]:
        """Return the ids that an earlier row has, here or among those that stay, and that one here has."""
        ids, staying = _joined(self._id_keys), _joined(self._staying_ids)
        repeated = count_repeated(ids)
        if not len(staying):
            return repeated, repeated
        known_ids = KeyTable()
        _add_counts(known_ids, staying)
        _, known = known_ids.find(ids)
        ranks, _ = ranks_and_firsts(ids)
        return int(np.count_nonzero((ranks > 0) | known)), repeated


def _joined(parts: list[Keys]) -> Keys:
    """Return the parts in one piece, which takes their place in the list: twice they would be too much."""
    if len(parts) != 1:
        parts[:] = [np.concatenate(parts) if parts else np.empty((0, 2), np.uint64)]
    return parts[0]
