"""The five policies against the plainest code that keeps the policy table of places.md section 7."""

import io
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.datasets.reading.duplicates import DuplicateCensus, DuplicatePolicy, duplicates_under, replay
from apps.datasets.reading.identities import Keys, KeyTable, ranks_and_firsts, row_keys
from apps.datasets.reading.mapping import Dialect
from apps.datasets.reading.reader import read_table
from apps.datasets.reading.rows import Batch
from tests.datasets.reading.tables import HEADER, NOW, mapping, read

rows = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["", "1", "2", "3"])), max_size=25)
Row = tuple[str, str]


def table(content: list[Row]) -> bytes:
    """Return a table of a category and an id per row."""
    lines = [",".join(HEADER), *(f"2023-05-01,51.5,-0.1,{kind},,{id_}," for kind, id_ in content)]
    return "\n".join([*lines, ""]).encode()


def batches_of(content: list[Row], file_no: int = 1) -> list[Batch]:
    settings_: dict[str, Any] = {
        "mapping": mapping(),
        "dialect": Dialect(),
        "header": HEADER,
        "zone": "UTC",
        "now": NOW,
    }
    return list(read_table(io.BytesIO(table(content)), file_no=file_no, block_bytes=100, **settings_))


def expected_lines(policy: DuplicatePolicy, content: list[Row], before: list[Row]) -> list[int]:
    """Return the lines of the duplicates."""
    found = []
    staying, staying_ids = Counter(before), {id_ for _, id_ in before if id_}
    for at, row in enumerate(content):
        earlier, id_ = content[:at], row[1]
        is_duplicate = {
            DuplicatePolicy.KEEP_ALL: False,
            DuplicatePolicy.EXACT: row in earlier or row in staying,
            DuplicatePolicy.OCCURRENCE: earlier.count(row) + 1 <= staying[row],
            DuplicatePolicy.EXTERNAL_ID_FIRST: bool(id_)
            and (id_ in staying_ids or id_ in {i for _, i in earlier}),
            DuplicatePolicy.EXTERNAL_ID_LAST: bool(id_) and id_ in {i for _, i in content[at + 1 :]},
        }[policy]
        if is_duplicate:
            found.append(at + 2)
    return found


def apply(policy: DuplicatePolicy, content: list[Row], before: list[Row]) -> list[Batch]:
    duplicates = duplicates_under(policy)
    for batch in batches_of(before):
        duplicates.prime(batch.events)
    if duplicates.needs_survey:
        for batch in batches_of(content):
            duplicates.survey(batch)
    return [duplicates.apply(batch) for batch in batches_of(content)]


@settings(deadline=None)
@given(st.sampled_from(DuplicatePolicy), rows, rows)
def test_10_every_policy_calls_the_right_rows_duplicates_and_the_counts_reconcile(
    policy: DuplicatePolicy, content: list[Row], before: list[Row]
) -> None:
    before = [] if policy is DuplicatePolicy.EXTERNAL_ID_LAST else before
    found = apply(policy, content, before)
    rejects = [reject for batch in found for reject in batch.rejects]
    assert [reject.line for reject in rejects] == expected_lines(policy, content, before)
    for batch in found:
        assert batch.rows_read == len(batch.events) + len(batch.rejects)
    lines = table(content).splitlines(keepends=True)
    for reject in rejects:
        assert (reject.kind, reject.code, reject.raw) == (
            "duplicate",
            "duplicate",
            lines[(reject.line or 0) - 1],
        )
        assert reject.kept_line


@settings(deadline=None)
@given(rows, rows)
def test_the_census_counts_what_the_policies_find(content: list[Row], before: list[Row]) -> None:
    census = DuplicateCensus()
    for batch in batches_of(before):
        census.prime(batch.events)
    for batch in batches_of(content):
        census.add(batch.events)
    counts = census.counts()
    assert counts is not None
    for policy in DuplicatePolicy:
        staying = [] if policy is DuplicatePolicy.EXTERNAL_ID_LAST else before
        assert counts[policy] == len(expected_lines(policy, content, staying))


@settings(deadline=None)
@given(
    st.sampled_from([p for p in DuplicatePolicy if p is not DuplicatePolicy.EXTERNAL_ID_LAST]),
    rows,
    rows,
    st.integers(0, 10),
)
def test_14_a_replayed_state_goes_on_as_if_nothing_had_happened(
    policy: DuplicatePolicy, content: list[Row], before: list[Row], at: int
) -> None:
    whole = apply(policy, content, before)
    again = duplicates_under(policy)
    for batch in batches_of(before):
        again.prime(batch.events)
    parts = batches_of(content)
    for batch in parts[:at]:
        replay(again, batch)
    assert [again.apply(batch).rejects for batch in parts[at:]] == [batch.rejects for batch in whole[at:]]


def test_the_census_gives_up_past_its_limit() -> None:
    census = DuplicateCensus(most_rows=2)
    census.add(read(table([("a", "1")] * 3)).events)
    assert census.counts() is None


def test_kept_lines_name_the_file_across_files() -> None:
    duplicates = duplicates_under("external_id_first")
    duplicates.apply(batches_of([("a", "1"), ("b", "2")], file_no=1)[0])
    moved = [duplicates.apply(batch) for batch in batches_of([("a", "2")], file_no=2)][-1]
    (reject,) = moved.rejects
    assert (reject.file_no, reject.kept_line, reject.detail) == (
        2,
        3,
        "The same external id as line 3 of file 1.",
    )


@pytest.mark.parametrize("column", ["occurred_us", "precision", "lat_e7", "lon_e7", "value"])
def test_every_value_of_an_event_is_part_of_its_identity(column: str) -> None:
    events = read(table([("a", "1")])).events
    other = replace(events, **{column: np.nan_to_num(getattr(events, column)) + 1})
    assert (row_keys(events) != row_keys(other)).any()
    assert (row_keys(events) == row_keys(replace(events, line=events.line + 1))).all()


def test_texts_of_an_identity_do_not_run_into_each_other() -> None:
    keys = row_keys(read(table([("a", "b"), ("ab", ""), ("a", "")])).events)
    assert len(np.unique(keys, axis=0)) == 3


@settings(deadline=None)
@given(
    st.lists(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), min_size=1, max_size=10), max_size=12)
)
def test_a_key_table_finds_keys_also_where_first_halves_collide(parts: list[list[tuple[int, int]]]) -> None:
    found, expected = KeyTable(), dict[tuple[int, int], int]()
    for number, part in enumerate(parts):
        distinct = list(dict.fromkeys(part))
        found.put(keys_of(distinct), np.full(len(distinct), number))
        expected |= dict.fromkeys(distinct, number)
    asked = [(high, low) for high in range(4) for low in range(6)]
    numbers, known = found.find(keys_of(asked))
    assert {key: int(n) for key, n, there in zip(asked, numbers, known, strict=True) if there} == expected
    assert len(found) == len(expected)


def keys_of(pairs: list[tuple[int, int]]) -> Keys:
    return np.array(pairs, np.uint64).reshape(-1, 2)


def test_ranks_count_within_a_batch() -> None:
    ranks, firsts = ranks_and_firsts(keys_of([(1, 1), (2, 2), (1, 1), (1, 1)]))
    assert (ranks.tolist(), firsts.tolist()) == ([0, 0, 1, 2], [0, 1, 0, 0])
