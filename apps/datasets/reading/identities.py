"""128-bit identities of rows and external ids as two columns of 64 bits, and a table to find them again."""

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from apps.datasets.reading.arrow import compute as pc
from apps.datasets.reading.ordering import order_by
from apps.datasets.reading.rows import Bools, Events, Int64s

Keys = npt.NDArray[np.uint64]  # shape (rows, 2)
_FIXED: Final = np.dtype(
    [("at", "<i8"), ("precision", "<i2"), ("lat", "<i4"), ("lon", "<i4"), ("value", "<f8")]
)
_RUNS_MAX: Final = 6


def row_keys(events: Events) -> Keys:
    """Return the identity of each row: its event values and kept properties, not where it stood.

    Texts are parted by NUL, which no accepted text holds; a missing one is empty, which no other is.
    """
    fixed = np.empty(len(events), _FIXED)
    fixed["at"], fixed["precision"] = events.occurred_us, events.precision
    fixed["lat"], fixed["lon"] = events.lat_e7, events.lon_e7
    fixed["value"] = np.where(np.isnan(events.value), np.nan, events.value)  # one NaN, whatever its bits were
    columns = (pc.cast(events.category, pa.string()), pc.cast(events.label, pa.string()))
    texts = pc.binary_join_element_wise(
        *columns, events.external_id, events.properties, "\0", null_handling="replace", null_replacement=""
    )
    # Joined by Arrow: as bytes of their own, row by row, the parts would cost more than the hash.
    buffers: list[Any] = [None, pa.py_buffer(fixed.tobytes())]
    numbers = pa.FixedSizeBinaryArray.from_buffers(pa.binary(_FIXED.itemsize), len(fixed), buffers)
    rows = pc.binary_join_element_wise(pc.cast(numbers, pa.binary()), pc.cast(texts, pa.binary()), b"")
    return _digests(rows.to_pylist())


def id_keys(external_ids: pa.StringArray) -> tuple[Keys, Int64s]:
    """Return the identities of the ids that are there, and their rows."""
    rows = np.flatnonzero(np.asarray(pc.is_valid(external_ids)))
    return _digests(pc.cast(pc.drop_null(external_ids), pa.binary()).to_pylist()), rows


def _digests(texts: Iterable[bytes]) -> Keys:
    joined = b"".join(map(xxhash.xxh3_128_digest, texts))
    return np.frombuffer(joined, ">u8").astype(np.uint64).reshape(-1, 2)


def order_of(keys: Keys) -> Int64s:
    """Return the order that brings equal keys together, in each group the order of rows."""
    order = order_by(keys[:, 0])
    ordered = keys[order]
    same = ordered[1:] == ordered[:-1]
    # First halves that are equal in different keys are next to impossible: sorting once is enough.
    if (same[:, 0] & ~same[:, 1]).any():
        return np.lexsort((keys[:, 1], keys[:, 0]))
    return order


def distinct(keys: Keys) -> Keys:
    """Return each key once, in ascending order."""
    ordered = keys[order_of(keys)]
    is_first = np.ones(len(ordered), np.bool_)
    is_first[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    return ordered[is_first]


def ranks_and_firsts(keys: Keys) -> tuple[Int64s, Int64s]:
    """Return for each row how many equal ones come before it, and the row of the first equal one."""
    if not len(keys):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    order = order_of(keys)
    ordered = keys[order]
    starts = np.flatnonzero(np.concatenate([[True], (ordered[1:] != ordered[:-1]).any(axis=1)]))
    group_start = np.repeat(starts, np.diff(np.append(starts, len(keys))))
    ranks, firsts = np.empty(len(keys), np.int64), np.empty(len(keys), np.int64)
    ranks[order] = np.arange(len(keys)) - group_start
    firsts[order] = order[group_start]
    return ranks, firsts


def count_repeated(keys: Keys) -> int:
    """Return how many keys equal an earlier one."""
    firsts = np.sort(keys[:, 0])
    met_again = firsts[1:][firsts[1:] == firsts[:-1]]
    if not met_again.size:
        return 0
    # Ids and rows mostly differ: only what may be equal is looked at whole.
    near = keys[np.isin(keys[:, 0], met_again)]
    return len(near) - len(distinct(near))


class KeyTable:
    """Distinct keys with a number each, in sorted runs of 24 bytes a key, found by bisection."""

    def __init__(self) -> None:
        self._runs: list[tuple[Keys, Int64s]] = []

    def __len__(self) -> int:
        return sum(len(keys) for keys, _ in self._runs)

    def find(self, keys: Keys) -> tuple[Int64s, Bools]:
        """Return the numbers of keys, and which were found."""
        numbers, found = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.bool_)
        for run, values in self._runs:
            at, hit = _search(run, keys)
            numbers[hit], found[hit] = values[at[hit]], True
        return numbers, found

    def add(self, keys: Keys, numbers: Int64s) -> None:
        """Take in distinct keys that are not there yet."""
        if not len(keys):
            return
        order = order_of(keys)
        self._runs.append((keys[order], numbers[order]))
        if len(self._runs) > _RUNS_MAX:
            self._merge()

    def put(self, keys: Keys, numbers: Int64s) -> None:
        """Take in distinct keys, or renumber those that are there."""
        _, found = self.find(keys)
        for run, values in self._runs:
            at, hit = _search(run, keys)
            values[at[hit]] = numbers[hit]
        self.add(keys[~found], numbers[~found])

    def _merge(self) -> None:
        keys = np.concatenate([run for run, _ in self._runs])
        numbers = np.concatenate([values for _, values in self._runs])
        order = order_of(keys)
        self._runs = [(keys[order], numbers[order])]


def _search(run: Keys, keys: Keys) -> tuple[Int64s, Bools]:
    """Return where keys lie in a sorted run, and which are there; first halves may collide."""
    at = np.searchsorted(run[:, 0], keys[:, 0]).astype(np.int64)
    last = len(run) - 1
    while True:
        here = run[np.minimum(at, last)]
        further: Any = (at <= last) & (here[:, 0] == keys[:, 0]) & (here[:, 1] < keys[:, 1])
        if not further.any():
            return np.minimum(at, last), (at <= last) & (here == keys).all(axis=1)
        at = at + further
