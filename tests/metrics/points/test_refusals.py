"""How refused items are listed."""

from hypothesis import given
from hypothesis import strategies as st

from apps.metrics.points.batch import Refusal
from apps.metrics.points.refusals import Refusals, rejected_by_code


def test_neighbours_are_written_as_ranges() -> None:
    items = [3, 17, 18, 19, 20, 22, 23]
    assert rejected_by_code(Refusal(item, "value", "v", "") for item in items) == {"v": "3,17-20,22-23"}


def test_an_item_refused_twice_for_one_code_is_listed_once() -> None:
    refused = [Refusal(5, "tags", "t", "a"), Refusal(5, "tags", "t", "b"), Refusal(4, "value", "v", "")]
    assert rejected_by_code(refused) == {"t": "5", "v": "4"}


@given(st.sets(st.integers(0, 60), min_size=1))
def test_the_list_is_complete(items: set[int]) -> None:
    text = rejected_by_code(Refusal(item, "value", "v", "") for item in items)["v"]
    found = [part.split("-") for part in text.split(",")]
    assert [number for ends in found for number in range(int(ends[0]), int(ends[-1]) + 1)] == sorted(items)


def test_refusals_come_by_item_and_mark_it() -> None:
    refusals = Refusals(3)
    assert not refusals
    refusals.add(2, "value", "v", "")
    refusals.add(0, "value", "v", "")
    assert [one.item for one in refusals.in_order()] == [0, 2]
    assert refusals.marks.tolist() == [True, False, True]
