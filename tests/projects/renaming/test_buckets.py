"""Which bucket a site comes into: what our own view and the engines say of it, in every combination."""

from itertools import product

import pytest

from apps.projects.renaming.buckets import sort_sites
from apps.projects.renaming.wire import Clash, Listed, Site, Spot, Survey, Symbol
from apps.projects.states import Bucket

SPOT = Spot("main.py", 3, 5)
ENGINES = ((), ("jedi",), ("rope",), ("jedi", "rope"))
BOOLEANS = (False, True)


def bucket_of(
    *, is_bound: bool, is_own: bool, doubt: str, listed: tuple[str, ...], is_refused: bool
) -> Bucket:
    """Sort one site that these engines list, and others another place of the same file."""
    site = Site("main.py", 3, 5, "area", "square", "name", is_bound=is_bound, is_own=is_own, doubt=doubt)
    symbol = Symbol("area", "main.area", "function", "main.py", 1, 5)
    clashes = [Clash("name_taken", "main.py", 1, "")] if is_refused else []
    survey = Survey(symbol=symbol, sites=[site], clashes=clashes)
    beside = [Spot("main.py", 3, 6), Spot("main.py", 2, 5), Spot("other.py", 3, 5)]
    answers = {name: Listed([SPOT] if name in listed else beside) for name in ("jedi", "rope")}
    (finding,) = sort_sites(survey, answers)
    assert bool(finding.group) == (finding.bucket != Bucket.UNSURE)
    return finding.bucket


@pytest.mark.parametrize("listed", ENGINES)
@pytest.mark.parametrize(
    ("is_own", "doubt", "is_refused"), list(product(BOOLEANS, ("", "decorated"), BOOLEANS))
)
def test_what_no_scope_binds_is_unsure_however_many_engines_list_it(
    listed: tuple[str, ...], *, is_own: bool, doubt: str, is_refused: bool
) -> None:
    found = bucket_of(is_bound=False, is_own=is_own, doubt=doubt, listed=listed, is_refused=is_refused)
    assert found == Bucket.UNSURE


@pytest.mark.parametrize("listed", ENGINES)
@pytest.mark.parametrize(("is_own", "doubt"), list(product(BOOLEANS, ("", "decorated"))))
def test_what_is_bound_is_certain_with_a_witness_or_of_its_own_and_without_a_doubt(
    listed: tuple[str, ...], *, is_own: bool, doubt: str
) -> None:
    found = bucket_of(is_bound=True, is_own=is_own, doubt=doubt, listed=listed, is_refused=False)
    assert found == (Bucket.CERTAIN if not doubt and (is_own or listed) else Bucket.UNSURE)


@pytest.mark.parametrize("listed", ENGINES)
@pytest.mark.parametrize(("is_own", "doubt"), list(product(BOOLEANS, ("", "decorated"))))
def test_a_clash_refuses_all_that_is_bound(listed: tuple[str, ...], *, is_own: bool, doubt: str) -> None:
    found = bucket_of(is_bound=True, is_own=is_own, doubt=doubt, listed=listed, is_refused=True)
    assert found == Bucket.REFUSED
