"""Names form a tree by their dots, of which each level is listed by itself."""

from typing import Any

import pytest

from tests.factories.metrics import create_metric
from tests.furniture.people import Actors

pytestmark = pytest.mark.django_db

TREE = "/api/v1/metrics/tree"
Node = tuple[str, bool, bool]


def children(actors: Actors, prefix: str, **more: Any) -> list[Node]:
    answer = actors.viewer.api.get(TREE, {"prefix": prefix, **more})
    assert answer.status_code == 200, answer.content
    return [(node["text"], node["leaf"], node["expandable"]) for node in answer.json()["results"]]


def fill(actors: Actors, *keys: str) -> None:
    for key in keys:
        create_metric(actors.organization, key)


def test_a_metric_may_be_leaf_and_branch(actors: Actors) -> None:
    """Edge case 42."""
    fill(actors, "a.b", "a.b.c", "a.b-x", "a.d.e", "z")
    assert children(actors, "") == [("a", False, True), ("z", True, False)]
    for prefix in ("a", "a."):
        assert children(actors, prefix) == [("b", True, True), ("b-x", True, False), ("d", False, True)]
    assert children(actors, "a.b") == [("c", True, False)]
    assert children(actors, "a.b.c") == children(actors, "nothing") == []


def test_each_branch_is_one_child_whatever_lies_between_its_metrics(actors: Actors) -> None:
    fill(actors, "a", "a!", "a-", "a.x.y", "a.x.z", "a.y", "a/b", "ab.c", "ab")
    assert children(actors, "") == [
        ("a", True, True), ("a!", True, False), ("a-", True, False), ("a/b", True, False), ("ab", True, True),
    ]  # fmt: skip
    assert children(actors, "a") == [("x", False, True), ("y", True, False)]


def test_tags_stay_with_the_last_part_and_dots_in_them_are_no_branches(actors: Actors) -> None:
    fill(actors, "net.in;ip=10.0.0.1", "net.in;ip=10.0.0.2", "net.in", "net;v=1.5")
    assert children(actors, "") == [("net", False, True), ("net;v=1.5", True, False)]
    assert children(actors, "net") == [
        ("in", True, False), ("in;ip=10.0.0.1", True, False), ("in;ip=10.0.0.2", True, False),
    ]  # fmt: skip
    assert children(actors, "net.in;ip=10") == children(actors, "net;v=1") == []


def test_parts_may_be_empty(actors: Actors) -> None:
    fill(actors, ".a", "b.", "c..d")
    assert children(actors, "") == [("", False, True), ("b", False, True), ("c", False, True)]
    assert children(actors, ".") == [("a", True, False)]
    assert children(actors, "b.") == [("", True, False)]
    assert children(actors, "c") == [("", False, True)]
    assert children(actors, "c..") == [("d", True, False)]


def test_every_spelling_of_a_prefix_finds_the_same(actors: Actors) -> None:
    fill(actors, "caf\u00e9.x", "über.\U0001f600.y")
    assert children(actors, "cafe\u0301") == children(actors, "caf\u00e9") == [("x", True, False)]
    assert children(actors, "über") == [("\U0001f600", False, True)]


def test_without_a_prefix_the_root_is_meant(actors: Actors) -> None:
    fill(actors, "a.b")
    assert actors.viewer.api.get(TREE).json() == {
        "results": [{"text": "a", "leaf": False, "expandable": True}],
        "next": None,
        "previous": None,
    }


def test_pages_follow_each_other(actors: Actors) -> None:
    fill(actors, *(f"n{number}.x" for number in range(5)), *(f"n{number}.y" for number in range(5)), "n2")
    address, seen = f"{TREE}?page_size=2", []
    while address:
        page = actors.viewer.api.get(address).json()
        seen += [(node["text"], node["leaf"]) for node in page["results"]]
        address = page["next"]
    assert seen == [("n0", False), ("n1", False), ("n2", True), ("n3", False), ("n4", False)]


def test_a_cursor_is_good_for_its_prefix_only(actors: Actors) -> None:
    fill(actors, "a.b", "a.c", "b.c")
    address = actors.viewer.api.get(f"{TREE}?prefix=a&page_size=1").json()["next"]
    stolen = address.replace("prefix=a", "prefix=b")
    assert actors.viewer.api.get(address).json()["results"][0]["text"] == "c"
    assert actors.viewer.api.get(stolen).json()["code"] == "request.cursor_invalid"


@pytest.mark.parametrize("query", ["page_size=0", "page_size=1001", "page_size=x", "color=red", "cursor="])
def test_strange_parameters_are_refused(actors: Actors, query: str) -> None:
    assert actors.viewer.api.get(f"{TREE}?{query}").status_code == 422


def test_strangers_see_their_own_tree(actors: Actors) -> None:
    fill(actors, "a.b")
    assert actors.stranger.api.get(TREE).json()["results"] == []
    assert actors.anonymous.api.get(TREE).status_code == 401
