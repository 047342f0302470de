"""What is read waits in chunks that do not grow with the width of the rows."""

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from apps.datasets.importing.chunks import CHUNK_BYTES, Chunk
from apps.datasets.reading.rows import Batch, Events, Position, Reject, RejectKind, RowCode
from tests.datasets.batches import make_events

WIDE = 60_000
EVENTS = make_events(20)


def batch(events: Events, rejects: tuple[Reject, ...] = ()) -> Batch:
    return Batch(Position(), 0, len(events) + len(rejects), 0, events, rejects)


def wide_events() -> Events:
    return replace(EVENTS, properties=pa.array(["x" * WIDE] * len(EVENTS), pa.string()))


def wide_reject(number: int) -> Reject:
    raw = bytes(WIDE)
    return Reject(RejectKind.REJECTED, 1, number, number, number, 0, None, RowCode.BAD_QUOTE, (), "", raw)


@pytest.mark.parametrize("kind", ["accepted", "rejected"])
def test_a_chunk_of_wide_rows_is_full_long_before_it_has_as_many_rows(kind: str) -> None:
    rejects = tuple(map(wide_reject, range(len(EVENTS))))
    wide = batch(wide_events()) if kind == "accepted" else batch(Events.empty(), rejects)
    chunk, taken = Chunk(), 0
    while not chunk.is_full:
        chunk.add(wide)
        taken += len(EVENTS) * WIDE
    assert CHUNK_BYTES <= taken < CHUNK_BYTES + 3 * len(EVENTS) * WIDE


def test_a_chunk_of_ordinary_rows_is_full_by_their_number(settings: Any) -> None:
    settings.DATASETS_CHUNK_ROWS = 3 * len(EVENTS)
    chunk = Chunk()
    for is_full in (False, False, True):
        chunk.add(batch(EVENTS))
        assert chunk.is_full is is_full


@pytest.mark.parametrize("number", [0, 1, 3])
def test_draining_joins_all_parts_and_leaves_none(number: int) -> None:
    parts = [make_events(5 + seed, seed=seed, with_gaps=bool(seed % 2)) for seed in range(number)]
    expected, drained = Events.concat(list(parts)), Events.drain(parts)
    assert parts == []
    assert len(drained) == len(expected)
    for name in ("cell", "line", "value"):
        assert repr(getattr(drained, name).tolist()) == repr(getattr(expected, name).tolist())
    for name in ("category", "label", "external_id", "properties"):
        assert getattr(drained, name).to_pylist() == getattr(expected, name).to_pylist()
