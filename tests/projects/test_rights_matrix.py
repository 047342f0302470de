"""Everybody tries every call on every kind of project (projects.md, proof 8).

Each endpoint of projects must stand in `rights_table.TABLE`: one that does not fails here.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
import redis
from django.db import transaction

from tests.architecture.routes import addresses
from tests.furniture.people import Actors, Person
from tests.projects.repositories import Repository
from tests.projects.rights_table import (
    ANALYST,
    MEMBER,
    PERSONAL,
    PUBLIC,
    READING_POSTS,
    TABLE,
    UNARCHIVING,
    E,
    O,
    V,
)
from tests.projects.rights_world import ARCHIVED, OPEN, PRIVATE, RightsWorld

PACKAGE: Final = "apps.projects.api."
PLACE: Final = re.compile(r"\(\?P<\w+>(?:[^()]|\([^()]*\))*\)|<[^>]+>")
RIGHTS: Final = {"owner": O, "admin": O, "manager": O, "writing_key": O, "editor": E}
RANK: Final = {V: 1, E: 2, O: 3}
# Who sees a private project. A key sees what its creator sees; here that is the owner.
INSIDE: Final = frozenset({"owner", "editor", "demoted", "member", "admin", "reading_key", "writing_key"})
# Who tries where; the rest would only repeat it.
TRIES: Final = (
    *((name, PRIVATE) for name in sorted(INSIDE)),
    *((name, PRIVATE) for name in ("manager", "outsider", "stranger", "anonymous", "other_key")),
    *((name, OPEN) for name in ("manager", "outsider", "stranger")),
    *((name, ARCHIVED) for name in ("owner", "editor", "stranger")),
)
REFUSALS: Final = {
    (401, "auth.required"): "401",
    (403, "permission.denied"): "403",
    (409, "projects.archived"): "409",
}


def calls() -> Iterator[str]:
    """Yield each call of the API of projects, as the table writes it."""
    for address in addresses():
        if getattr(getattr(address.view, "cls", None), "__module__", "").startswith(PACKAGE):
            short = PLACE.sub("{}", address.route.removeprefix("api/v1/"))
            yield from (f"{method.upper()} {short}" for method in address.methods)


# To make the world takes longer than to try ten calls in it; still several processes share the work.
PARTS: Final = 4
CALLS: Final = sorted(calls())


def expected(call: str, name: str, where: str) -> str:
    """Return what somebody should meet: `401`, `403`, `404`, `409`, or `in`."""
    mark = TABLE[call]
    if mark == PUBLIC:
        return "in"
    if name == "anonymous":
        return "401"
    if name == "other_key":
        return "403"
    if mark == MEMBER:
        return "in"
    if mark == ANALYST:
        return "403" if name in {"member", "demoted", "reading_key"} else "in"
    return _expected_of_project(call, mark, name, where)


def _expected_of_project(call: str, mark: str, name: str, where: str) -> str:
    if name == "stranger" or (where != OPEN and name not in INSIDE):
        return "404"
    if RANK[RIGHTS.get(name, V)] < RANK[mark] or (name.endswith("_key") and call in PERSONAL):
        return "403"
    is_write = not call.startswith("GET ") and call not in {*READING_POSTS, UNARCHIVING}
    return "409" if where == ARCHIVED and is_write else "in"


def met(answer: Any) -> str:
    """Return what somebody met; `in` is every answer to which only the call's own matter led."""
    status = answer.status_code
    if status >= 500:
        return f"{status} {answer.content[:500]!r}"
    code = ""
    if answer.get("Content-Type", "").startswith("application/problem+json"):
        code = str(answer.json()["code"])
    if status == 404:
        return "404"
    if status in {401, 403, 405, 429} or code == "projects.archived":
        return REFUSALS.get((status, code), f"{status} {code}")
    return "in"


def ask(person: Person, call: str, path: str, body: dict[str, Any]) -> Any:
    """Call, and take back what it changed."""
    # The sign-in must outlive what is taken back.
    client, method = person.api, call.partition(" ")[0].lower()
    with transaction.atomic():
        answer = getattr(client, method)(path, *([] if method == "get" else [body]), format="json")
        if answer.streaming:
            b"".join(answer)
        transaction.set_rollback(True)
    return answer


def test_every_endpoint_stands_in_the_table() -> None:
    found = set(CALLS)
    assert sorted(found - TABLE.keys()) == [], "add them to tests/projects/rights_table.py"
    assert sorted(TABLE.keys() - found) == [], "take them out of tests/projects/rights_table.py"


@pytest.mark.parametrize("part", range(PARTS))
def test_everybody_gets_what_the_table_says(
    actors: Actors, make_repository: Callable[[str], Repository], store: redis.Redis, part: int
) -> None:
    world = RightsWorld(actors, make_repository)
    wrong = {}
    for call in CALLS[part::PARTS]:
        for name, where in TRIES:
            store.flushdb()  # every call begins with full rate limits
            answer = ask(world.people[name], call, world.path(call, where), world.body(call, where))
            if met(answer) != expected(call, name, where):
                wrong[f"{call} as {name}, {where}"] = f"{met(answer)}, not {expected(call, name, where)}"
    assert not wrong


def test_lists_over_projects_leave_out_what_somebody_does_not_see(
    actors: Actors, make_repository: Callable[[str], Repository]
) -> None:
    world = RightsWorld(actors, make_repository)
    hidden = world.places[PRIVATE]
    for call, row in (
        ("GET projects", hidden.project),
        ("GET ai/jobs", hidden.job),
        ("GET refactor/jobs", hidden.proposal),
    ):
        path = world.path(call, PRIVATE)
        for name in ("outsider", "manager", "stranger"):
            shown = ask(world.people[name], call, path, {})
            assert shown.status_code == 200
            assert str(row.pk) not in shown.content.decode()
        assert str(row.pk) in ask(world.people["owner"], call, path, {}).content.decode()
